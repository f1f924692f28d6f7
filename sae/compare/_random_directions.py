"""Directions that no SAE learned, to see how close directions come by chance."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def isotropic_directions(n: int, d_in: int, *, seed: int) -> Tensor:
    """Draw directions uniformly on the sphere.

    Args:
        n: How many.
        d_in: Their length.
        seed: Of the draw.

    Returns:
        Unit rows, float32 [n, d_in], on the CPU.
    """
    return normalize(torch.randn(n, d_in, generator=torch.Generator().manual_seed(seed)), dim=1)


@torch.no_grad()
def directions_like(W_dec: Tensor, *, seed: int) -> Tensor:
    """Draw as many directions from a normal distribution with the mean and covariance of a decoder's unit rows.

    Decoders crowd where activations vary most, so two of them agree more than uniform directions do without sharing
    any feature; this null has the crowding and nothing else.

    Args:
        W_dec: [d_sae, d_in], of any row norms.
        seed: Of the draw.

    Returns:
        Unit rows, float32 [d_sae, d_in], on the CPU.
    """
    unit = normalize(W_dec.double().cpu(), dim=1)
    mean = unit.mean(dim=0)
    centred = unit - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(unit))
    root = vectors * values.clamp(min=0.0).sqrt()  # [d_in, d_in]; root @ root.T is the covariance
    noise = torch.randn(unit.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return normalize(noise @ root.T + mean, dim=1).float()
