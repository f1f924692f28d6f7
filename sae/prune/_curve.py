"""Sparsity bought and error paid, over a range of settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from sae._errors import SAEError
from sae._model import SAE
from sae.metrics import Quality

Setting = TypeVar("Setting", int, float)


@dataclass(frozen=True)
class Removal:
    """One point of a curve."""

    setting: float
    """What the rule was given: k, a share, a quantile or a cutoff."""
    quality: Quality
    """L0, MSE and the rest with what the rule left; the decoder is the SAE's own."""


@torch.no_grad()
def removal_curve(
    model: SAE,
    batches: Iterable[Tensor],
    remove: Callable[[Tensor, Setting], Tensor],
    settings: Sequence[Setting],
) -> list[Removal]:
    """Measure an SAE with weak activations removed, at several settings, in one pass over the inputs.

    Args:
        model: The SAE; it is not changed.
        batches: Tensors [n, d_in], none of them empty.
        remove: The rule, e.g. ``remove_below``, or a lambda around one that needs maxima or quantiles.
        settings: What to give the rule.

    Returns:
        One point per setting, in the given order.

    Raises:
        SAEError: There was no batch.
    """
    qualities: list[Quality | None] = [None] * len(settings)
    for batch in batches:
        x = batch.to(model.W_enc.device)
        features = model.encode(x)
        for index, setting in enumerate(settings):
            pruned = remove(features, setting)
            measured = Quality.of(x, model.decode(pruned, x=x), pruned)
            before = qualities[index]
            qualities[index] = measured if before is None else before + measured
    points = [Removal(setting, quality) for setting, quality in zip(settings, qualities, strict=True) if quality]
    if len(points) < len(settings):
        raise SAEError("there was no batch to measure the removal on")
    return points
