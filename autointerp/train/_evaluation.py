"""What is measured on a finished SAE, and ``evaluation.json``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import sae
from autointerp.train._activations import stream_activations
from autointerp.train._order import count_kept
from sae.metrics import Quality

if TYPE_CHECKING:
    from autointerp.corpus import Windows
    from autointerp.subject import Subject

DEAD_THRESHOLD = 0.07
"""A feature that never exceeds this is dead by the threshold definition, as in a harvest."""
_BLOCK_ELEMENTS = 2**24  # dense activations held at once: 64 MiB in float32


@dataclass(frozen=True)
class Firing:
    """What each feature did over some inputs."""

    n: int
    """Inputs."""
    n_active: NDArray[np.int64]
    """[d_sae]: inputs on which it fired."""
    max_activation: NDArray[np.float64]
    """[d_sae]: its strongest activation; 0 where it never fired."""


def evaluate_sae(
    model: sae.SAE, subject: Subject, windows: Windows, *, drop_bos: bool, n_tokens: int, held_out: bool
) -> dict[str, Any]:
    """Measure an SAE on windows of text.

    Args:
        model: The SAE, for raw activations at the subject's hook point.
        subject: Gives the activations.
        windows: The text.
        drop_bos: Leave out BOS and the first position of each window, as in training.
        n_tokens: How many to measure on at most, from windows drawn at random.
        held_out: Whether the SAE has not seen them, which is recorded.

    Returns:
        ``evaluation.json``: ``n_tokens``, ``held_out``, ``l0``, ``mse``, ``fvu``, ``cosine``, ``l2_ratio``,
        ``n_features``, ``dead`` (three definitions), ``density``.
    """
    n_vectors = min(n_tokens, int(count_kept(windows, drop_bos=drop_bos).sum()))
    quality, firing = measure(model, stream_activations(subject, windows, drop_bos=drop_bos, n_vectors=n_vectors))
    return {
        "schema_version": 1,
        "n_tokens": quality.n,
        "held_out": held_out,
        "drop_bos": drop_bos,
        "l0": quality.l0,
        "mse": quality.mse,
        "fvu": quality.fvu,
        "cosine": quality.cosine,
        "l2_ratio": quality.l2_ratio,
        "n_features": model.cfg.d_sae,
        "dead": {
            "train_window": model.cfg.metadata.n_dead_train,
            "threshold": int((firing.max_activation <= DEAD_THRESHOLD).sum()),
            "threshold_value": DEAD_THRESHOLD,
            "never": int((firing.n_active == 0).sum()),
        },
        "density": describe_density(firing),
    }


@torch.no_grad()
def measure(model: sae.SAE, batches: Iterable[Tensor]) -> tuple[Quality, Firing]:
    """Encode and decode a stream of inputs once.

    Args:
        model: The SAE.
        batches: Tensors [n, d_in], at least one that is not empty.

    Returns:
        How well it reconstructs them, and what each feature did.
    """
    quality: Quality | None = None
    device, d_sae = model.device, model.cfg.d_sae
    n_active = torch.zeros(d_sae, dtype=torch.int64, device=device)
    strongest = torch.zeros(d_sae, device=device)
    for batch in batches:
        for x in torch.split(batch.to(device), max(1, _BLOCK_ELEMENTS // d_sae)):
            features = model.encode(x)  # [n, d_sae]
            measured = Quality.of(x, model.decode(features), features)
            quality = measured if quality is None else quality + measured
            n_active += (features > 0).sum(dim=0)
            strongest = torch.maximum(strongest, features.amax(dim=0).float())
    if quality is None:
        raise sae.SAEError("there was no activation to measure the SAE on")
    return quality, Firing(quality.n, n_active.cpu().numpy(), strongest.double().cpu().numpy())


def describe_density(firing: Firing) -> dict[str, Any]:
    """How often features fire, as a share of inputs.

    Returns:
        Quantiles over the features that fired at all (null where none did), how many fire on more than a tenth of the
        inputs, and how many on fewer than one in 100,000 (those that never fired are not among these).
    """
    density = firing.n_active / firing.n
    alive = density[density > 0]
    quantiles = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}
    return {
        **{name: float(np.quantile(alive, q)) if len(alive) else None for name, q in quantiles.items()},
        "n_above_10pct": int((alive > 0.1).sum()),
        "n_below_1e-5": int((alive < 1e-5).sum()),
    }
