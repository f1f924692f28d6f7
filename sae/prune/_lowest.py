"""Removing the weakest features of each input."""

from __future__ import annotations

import torch
from torch import Tensor

from sae._errors import SAEError
from sae._sparse import SparseActs
from sae.prune._acts import Acts, keep_only


def remove_lowest(acts: Acts, k: int) -> Acts:
    """Remove from each input its k smallest activations above zero; of equal ones the lowest feature goes first.

    Args:
        acts: Dense [n, d_sae] or sparse.
        k: How many; an input with no more than k active features keeps none.

    Returns:
        The same kind.

    Raises:
        SAEError: k is negative.
    """
    if k < 0:
        raise SAEError(f"k must not be negative, found {k}")
    return keep_only(acts, lambda triples: _rank_in_row(triples) >= k)


def _rank_in_row(acts: SparseActs) -> Tensor:
    """Give each activation's place in its row, 0 for the smallest: int64 [nnz]."""
    by_value = torch.argsort(acts.value, stable=True)
    order = by_value[torch.argsort(acts.row[by_value], stable=True)]  # by row, then by value, then by feature
    starts = torch.searchsorted(acts.row, torch.arange(acts.n_rows, device=acts.row.device))  # [n_rows]
    place = torch.arange(len(order), device=order.device)
    rank = torch.empty_like(order)
    rank[order] = place - starts[acts.row]  # row[order] == row: both are sorted by row
    return rank
