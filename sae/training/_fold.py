"""Rewriting an SAE's weights without changing what it computes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import vector_norm

from sae._errors import SAEError
from sae._model import SAE


@torch.no_grad()
def fold_input_scale(model: SAE, scale: float) -> SAE:
    """Turn an SAE that was trained on ``scale * x`` into one that takes ``x``.

    Features and reconstructions come out divided by the scale, so decoder rows keep their norms: only biases change.

    Args:
        model: Takes scaled inputs; it is not changed.
        scale: What inputs were multiplied with, above 0.

    Returns:
        A new SAE with ``new.encode(x) = model.encode(scale * x) / scale`` and the same for reconstructions.

    Raises:
        SAEError: The scale is not above 0.
    """
    if not scale > 0:
        raise SAEError(f"scale must be above 0, found {scale}")
    return SAE(
        model.cfg,
        W_enc=model.W_enc.clone(),
        b_enc=model.b_enc / scale,
        W_dec=model.W_dec.clone(),
        b_dec=model.b_dec / scale,
    )


@torch.no_grad()
def fold_decoder_norm(model: SAE) -> SAE:
    """Scale decoder rows to norm 1, and features by the norms they had.

    Args:
        model: Any SAE; it is not changed. A zero row, which has no direction, stays zero.

    Returns:
        A new SAE with the same reconstructions.
    """
    norms = vector_norm(model.W_dec, dim=1)  # [d_sae]
    norms = norms.where(norms > 0, 1.0)
    return SAE(
        model.cfg,
        W_enc=model.W_enc * norms,
        b_enc=model.b_enc * norms,
        W_dec=model.W_dec / norms[:, None],
        b_dec=model.b_dec.clone(),
    )


def average_norm_scale(x: Tensor) -> float:
    """Give the factor that brings the mean norm of inputs [n, d_in] to sqrt(d_in).

    Raises:
        SAEError: All inputs are zero.
    """
    mean_norm = float(vector_norm(x, dim=1).mean())
    if mean_norm == 0:
        raise SAEError("all of the first inputs are zero: there is nothing to train on")
    return float(x.shape[1] ** 0.5 / mean_norm)
