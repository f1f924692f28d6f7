"""Activations as sparse matrices, and sums of products of these."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from sae._sparse import SparseActs

SPARSE_SHARE = 5
"""Pairs of active features are added one by one while a block has fewer than a fifth of all pairs of features."""


def sparse_rows(acts: SparseActs) -> Any:
    """Give the features as a float64 [n_rows, d_sae] in compressed rows."""
    ends = torch.searchsorted(acts.row, torch.arange(acts.n_rows + 1, device=acts.row.device))
    content = (acts.value.double().cpu().numpy(), acts.feature.cpu().numpy(), ends.cpu().numpy())
    return csr_array(content, shape=(acts.n_rows, acts.d_sae))


def add_product(total: NDArray[np.float64], left: Any, right: Any) -> None:
    """Add ``left.T @ right``, pair by pair where few features fire together.

    Args:
        total: [m, k], changed in place.
        left: Sparse rows, [n, m].
        right: Sparse rows, [n, k].
    """
    n_pairs = int(np.diff(left.indptr) @ np.diff(right.indptr).astype(np.int64))
    if SPARSE_SHARE * n_pairs < total.size:
        pairs = (left.T @ right).tocoo()
        total[pairs.row, pairs.col] += pairs.data  # no position comes twice
    else:
        total += left.toarray().T @ right.toarray()
