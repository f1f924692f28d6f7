"""Giving an SAE another decoder without touching its encoder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from sae._config import STACKED
from sae._errors import SAEError
from sae._model import SAE
from sae.architectures import build

Tune = Literal["scale", "decoder"]
"""``scale``: one factor per feature, on its decoder row. ``decoder``: the whole of W_dec."""


@dataclass(frozen=True)
class FineTuned:
    """What a fine-tuning gives."""

    sae: SAE
    """Encodes as before, bit for bit; decoder rows keep the lengths they were given, which are not 1."""
    scale: Tensor | None
    """[d_sae]: what each decoder row was multiplied with; None when the whole decoder was tuned."""
    n_rows: int
    """Inputs read, those of repeated passes counted again."""


def check_tunable(model: SAE, tune: str, *, b_dec: bool) -> None:
    """Refuse what can't be fine-tuned.

    Args:
        model: The SAE.
        tune: What to tune.
        b_dec: Whether b_dec is tuned as well.

    Raises:
        SAEError: ``tune`` is unknown; or the SAE is a stack, or normalises its inputs by itself, so that its decoder
            speaks of normalised ones; or b_dec can't leave the encoder of a gated SAE without rounding it anew.
    """
    if model.cfg.architecture == STACKED:
        raise SAEError(
            "a stack can't be fine-tuned: later encoders may read what earlier decoders leave. Fine-tune "
            "sae.stack.concatenate(stack), where that is the same function"
        )
    if tune not in get_args(Tune):
        raise SAEError(f"tune must be one of {', '.join(get_args(Tune))}, found {tune!r}")
    if model.cfg.normalize_activations != "none":
        raise SAEError(
            f"this SAE has normalize_activations={model.cfg.normalize_activations!r}: only SAEs that reconstruct "
            "raw activations ('none') can be fine-tuned"
        )
    if b_dec and model.cfg.architecture == "gated" and model.cfg.apply_b_dec_to_input:
        raise SAEError(
            "this gated SAE reads x - b_dec, so its b_dec can't be tuned with the encoder frozen: tune without b_dec"
        )


@torch.no_grad()
def with_decoder(model: SAE, *, W_dec: Tensor, b_dec: Tensor | None, record: dict[str, Any]) -> SAE:
    """Make an SAE with the same encoder and another decoder.

    A tied SAE comes out as ``standard``. With a new b_dec, an encoder that read ``x - b_dec`` keeps the old b_dec,
    folded into b_enc, and reads ``x``.

    Args:
        model: The SAE; it is not changed.
        W_dec: [d_sae, d_in].
        b_dec: [d_in], or None to keep it.
        record: Goes into ``metadata.extra["finetune"]``.

    Returns:
        A new SAE whose ``encode`` gives the same bits.
    """
    cfg = model.cfg
    architecture = "standard" if cfg.architecture == "tied" else cfg.architecture
    metadata = replace(cfg.metadata, extra={**cfg.metadata.extra, "finetune": record})
    cfg = replace(cfg, architecture=architecture, metadata=metadata)
    tensors = {**model.tensors(), "W_dec": W_dec}
    if b_dec is not None:
        if cfg.apply_b_dec_to_input:
            tensors["b_enc"] = model.b_enc - model.b_dec @ model.W_enc  # as the encoder computes it
            cfg = replace(cfg, apply_b_dec_to_input=False)
        tensors["b_dec"] = b_dec
    return build(cfg, {name: tensor.clone() for name, tensor in tensors.items()})
