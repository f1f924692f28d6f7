"""A partner of its own for each feature: the matching of two dictionaries with the largest total cosine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from torch import Tensor

from sae.compare._nearest import BLOCK_CELLS, unit_pair

MAX_EXACT_CELLS = 2**25
"""Up to so many pairs of features the matching is exact: two dictionaries of 5,800, 0.7 GiB, some ten seconds."""
N_CANDIDATES = 32
"""Beyond that, partners that each feature of either side considers."""
_NO_PARTNER = 2.0
"""The cost of staying alone, as much as a cosine of 0; all costs lie above 0, since a sparse matrix stores no 0."""


@dataclass(frozen=True)
class Matching:
    """Pairs of features, each feature in one at most, by ascending row of the left dictionary."""

    left: Tensor
    """int64 [m]: rows of the left dictionary."""
    right: Tensor
    """int64 [m]: their partners in the right one."""
    cosine: Tensor
    """float32 [m]: above 0; a pair of cosine 0 or less is no pair."""
    n_possible: int
    """The size of the smaller dictionary: as many pairs as there can be."""
    exact: bool
    """Whether all pairs were considered, or the candidates only: then the total is a lower bound of the largest."""

    @property
    def mean_cosine(self) -> float:
        """Total cosine over possible pairs: a feature of the smaller dictionary without partner counts as 0."""
        return float(self.cosine.double().sum()) / self.n_possible


@torch.no_grad()
def match_one_to_one(
    left: Tensor, right: Tensor, *, max_exact_cells: int = MAX_EXACT_CELLS, n_candidates: int = N_CANDIDATES
) -> Matching:
    """Find the one-to-one matching with the largest total cosine.

    Small dictionaries are matched exactly (the Hungarian problem, scipy's ``linear_sum_assignment``). For large ones
    only the ``n_candidates`` closest features of each side are considered, and the best matching among these is found
    exactly (``min_weight_full_bipartite_matching``, with a partner of cosine 0 for everyone, so that one always
    exists); memory grows with candidates, not with pairs.

    Args:
        left: Decoder directions, [a, d_in], of any row norms.
        right: [b, d_in].
        max_exact_cells: The largest a times b that is matched exactly.
        n_candidates: At least 1.

    Returns:
        The matching, on the CPU.

    Raises:
        SAEError: The two have different d_in, or one of them has no row.
    """
    left, right = unit_pair(left, right)
    exact = len(left) * len(right) <= max_exact_cells
    row, column = _exact(left, right) if exact else _among_candidates(left, right, n_candidates)
    rows, columns = torch.from_numpy(row), torch.from_numpy(column)
    cosine = _pairs(left, right, row, column)
    paired = cosine > 0
    return Matching(rows[paired], columns[paired], cosine[paired], min(len(left), len(right)), exact)


def _exact(left: Tensor, right: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    worth = (left @ right.T).clamp(min=0.0).cpu().numpy()  # [a, b]: staying alone is worth as much as a cosine of 0
    row, column = linear_sum_assignment(worth, maximize=True)
    return row.astype(np.int64), column.astype(np.int64)


def _among_candidates(left: Tensor, right: Tensor, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    forward_row, forward_column = _closest(left, right, n)
    backward_column, backward_row = _closest(right, left, n)
    row, column = np.concatenate([forward_row, backward_row]), np.concatenate([forward_column, backward_column])
    row, column = np.divmod(np.unique(row * len(right) + column), len(right))  # each pair once
    cosine = _pairs(left, right, row, column).double().numpy()
    row, column, cosine = row[cosine > 0], column[cosine > 0], cosine[cosine > 0]
    alone = np.arange(len(left))
    entries = np.concatenate([_NO_PARTNER - cosine, np.full(len(left), _NO_PARTNER)])
    where = np.concatenate([row, alone]), np.concatenate([column, len(right) + alone])
    costs = csr_array((entries, where), shape=(len(left), len(right) + len(left)))
    matched_row, matched_column = min_weight_full_bipartite_matching(costs)
    paired = matched_column < len(right)
    return matched_row[paired].astype(np.int64), matched_column[paired].astype(np.int64)


def _closest(left: Tensor, right: Tensor, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The n rows of ``right`` closest to each row of ``left``, as pairs [a * n]."""
    n = min(n, len(right))
    n_rows = max(1, BLOCK_CELLS // len(right))
    found = [(left[at : at + n_rows] @ right.T).topk(n, dim=1).indices for at in range(0, len(left), n_rows)]
    columns: NDArray[np.int64] = torch.cat(found).cpu().numpy().reshape(-1)  # [a, n] -> [a * n]
    return np.repeat(np.arange(len(left)), n), columns


def _pairs(left: Tensor, right: Tensor, row: NDArray[np.int64], column: NDArray[np.int64]) -> Tensor:
    """Cosines of some pairs, [m], on the CPU; in blocks, since each takes two rows of d_in."""
    step = max(1, BLOCK_CELLS // left.shape[1])
    found = [torch.empty(0)]
    for at in range(0, len(row), step):
        chosen = left[row[at : at + step]] * right[column[at : at + step]]  # [step, d_in]
        found.append(chosen.sum(dim=1).cpu())
    return torch.cat(found).clamp(-1.0, 1.0)
