"""How much of a feature is explained by knowing which group a token is in: its position, its id, the one before."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


def group_sums(values: Any, group: NDArray[np.int64], n_groups: int) -> Any:
    """Sum rows by group.

    Args:
        values: scipy csr_array [n, F].
        group: Of each row, 0 to n_groups - 1, [n].
        n_groups: How many there are.

    Returns:
        csr_array float64 [n_groups, F].
    """
    ones = np.ones(len(group))
    member = csr_array((ones, (group, np.arange(len(group)))), shape=(n_groups, len(group)))
    return (member @ values.astype(np.float64)).tocsr()


def explained_by(values: Any, group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of each column's variance that lies between groups, adjusted for their number.

    It is epsilon squared (Kelley, "An unbiased correlation ratio measure", 1935): 1 where the group decides the value,
    0 on average where it says nothing, however many groups there are; it may be a little below 0.

    Args:
        values: scipy csr_array [n, F].
        group: Of each row, any integers, [n].

    Returns:
        [F]; nan where a column does not vary, or every row is a group of its own.
    """
    _, group, sizes = np.unique(group, return_inverse=True, return_counts=True)
    n, k = len(group), len(sizes)
    wide = values.astype(np.float64)
    sums = group_sums(wide, group, k)
    total = np.asarray(wide.sum(axis=0)).ravel()  # [F]
    overall = total**2 / max(n, 1)
    within_rows = np.asarray(wide.multiply(wide).sum(axis=0)).ravel()
    between_rows = np.asarray(sums.multiply(sums).multiply(1 / sizes[:, None]).sum(axis=0)).ravel()
    variation, inside = within_rows - overall, within_rows - between_rows
    known = (variation > 1e-9 * within_rows) & (n > k)
    share: NDArray[np.float64] = np.full(len(total), np.nan)
    share[known] = 1 - (inside[known] / max(n - k, 1)) / (variation[known] / (n - 1))
    return share
