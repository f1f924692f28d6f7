"""Metrics of one batch.

For every input, with c its cosine and r its L2 ratio: ``|x - reconstruction|^2 / |x|^2 = (1 - c^2) + (r - c)^2``,
so the error splits into a wrong direction and a wrong length (shrinkage).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import vector_norm


def l0(features: Tensor) -> float:
    """Count the features that fire for an input, on average over [n, d_sae]."""
    return float((features > 0).sum(dim=-1).double().mean())


def mse(x: Tensor, reconstruction: Tensor) -> float:
    """Average the squared error over inputs and dimensions."""
    return float((reconstruction.double() - x.double()).square().mean())


def fvu(x: Tensor, reconstruction: Tensor) -> float:
    """Give the fraction of variance unexplained: squared error over squared distance from the batch's mean."""
    x = x.double()
    return float((reconstruction.double() - x).square().sum() / (x - x.mean(dim=0)).square().sum())


def explained(x: Tensor, reconstruction: Tensor) -> float:
    """Give the fraction of variance explained, ``1 - fvu``."""
    return 1.0 - fvu(x, reconstruction)


def cosine(x: Tensor, reconstruction: Tensor) -> float:
    """Average the cosine of input and reconstruction over the inputs that are not zero."""
    return float(row_cosine(x, reconstruction).nanmean())


def l2_ratio(x: Tensor, reconstruction: Tensor) -> float:
    """Average ``|reconstruction| / |x|`` over the inputs that are not zero; below 1 the SAE shrinks."""
    return float(row_l2_ratio(x, reconstruction).nanmean())


def row_cosine(x: Tensor, reconstruction: Tensor) -> Tensor:
    """Give the cosine of each input and its reconstruction.

    Args:
        x: [n, d_in].
        reconstruction: [n, d_in].

    Returns:
        float64 [n]: nan where the input is zero, 0 where only the reconstruction is.
    """
    x, reconstruction = x.double(), reconstruction.double()
    norms = vector_norm(x, dim=-1) * vector_norm(reconstruction, dim=-1)
    dots = (x * reconstruction).sum(dim=-1)
    cosines = dots / norms.where(norms > 0, 1.0)
    return torch.where(vector_norm(x, dim=-1) > 0, cosines, torch.nan)


def row_l2_ratio(x: Tensor, reconstruction: Tensor) -> Tensor:
    """Give ``|reconstruction| / |x|`` of each input.

    Args:
        x: [n, d_in].
        reconstruction: [n, d_in].

    Returns:
        float64 [n]: nan where the input is zero.
    """
    norms = vector_norm(x.double(), dim=-1)
    ratios = vector_norm(reconstruction.double(), dim=-1) / norms
    return torch.where(norms > 0, ratios, torch.nan)
