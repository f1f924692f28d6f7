"""Activations as (row, feature, value) triples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class SparseActs:
    """The non-zero activations of a batch, sorted by row, then by feature."""

    row: Tensor
    """int64 [nnz]: which input."""
    feature: Tensor
    """int64 [nnz]: which feature."""
    value: Tensor
    """float32 [nnz]: the activation, above zero."""
    n_rows: int
    """Inputs in the batch."""
    d_sae: int
    """Features of the SAE."""


def positive_positions(dense: Tensor) -> Tensor:
    """Where a contiguous tensor is above zero.

    Args:
        dense: Any shape.

    Returns:
        int64 [nnz]: positions in the flattened tensor, ascending.
    """
    return true_positions(dense > 0)


def true_positions(mask: Tensor) -> Tensor:
    """Where a contiguous bool tensor is true.

    Args:
        mask: Any shape.

    Returns:
        int64 [nnz]: positions in the flattened tensor, ascending. (On a CPU numpy finds them twice as fast as torch.)
    """
    mask = mask.view(-1)
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.nonzero().squeeze(1)
