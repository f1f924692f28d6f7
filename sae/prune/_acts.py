"""One way to leave activations out, whatever form they have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from sae._errors import SAEError
from sae._sparse import SparseActs, positive_positions

Acts = TypeVar("Acts", Tensor, SparseActs)
"""Features of a batch: dense [n, d_sae], or the ones above zero."""


def as_triples(acts: Tensor | SparseActs) -> SparseActs:
    """Give the activations above zero, sorted by row, then by feature.

    Args:
        acts: Dense [n, d_sae], or ``SparseActs``, which come back as they are.

    Returns:
        The triples; values keep the dtype they had.

    Raises:
        SAEError: A dense tensor is not [n, d_sae].
    """
    if isinstance(acts, SparseActs):
        return acts
    if acts.ndim != 2:
        raise SAEError(f"features must be [n, d_sae], found {tuple(acts.shape)}")
    n, d_sae = acts.shape
    dense = acts.detach().contiguous()
    flat = positive_positions(dense)
    return SparseActs(row=flat // d_sae, feature=flat % d_sae, value=dense.view(-1)[flat], n_rows=n, d_sae=d_sae)


def keep_only(acts: Acts, choose: Callable[[SparseActs], Tensor]) -> Acts:
    """Keep the activations that a rule chooses.

    Args:
        acts: Dense [n, d_sae] or sparse; it is not changed.
        choose: Gives bool [nnz] for triples: which ones stay.

    Returns:
        The same kind; a dense one holds 0 where an activation was removed.
    """
    triples = as_triples(acts)
    keep = choose(triples)
    row, feature = triples.row[keep], triples.feature[keep]
    if isinstance(acts, SparseActs):
        return replace(acts, row=row, feature=feature, value=triples.value[keep])
    kept = torch.zeros_like(acts)
    kept[row, feature] = acts[row, feature]
    return kept
