"""Mutual information of position and firing, and what chance alone gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

N_DRAWS = 20
"""Random placements for each number of firings."""
N_GRID = 40
"""Numbers of firings that are drawn for; between them the null is interpolated."""


def information(n_active_at: NDArray[np.int64], n_tokens_at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mutual information of position and firing, as the counts have it.

    It is biased: chance alone makes it positive. ``null_information`` says by how much.

    Args:
        n_active_at: Firings by position, [m, P].
        n_tokens_at: Tokens by position, [P].

    Returns:
        Bits, [m].
    """
    n = max(int(n_tokens_at.sum()), 1)
    tokens = np.maximum(n_tokens_at, 1)
    share, at = n_active_at.sum(axis=1) / n, n_active_at / tokens  # [m], [m, P]
    inside = ((entr(at) + entr(1 - at)) * (n_tokens_at / n)).sum(axis=1)
    bits: NDArray[np.float64] = np.maximum(entr(share) + entr(1 - share) - inside, 0) / np.log(2)
    return bits


def null_information(
    n_active: NDArray[np.int64], n_tokens_at: NDArray[np.int64], *, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What features that fire as often, at random places, would have: a permutation null.

    A permutation of places leaves only the number of firings, so features that fire equally often share their null:
    firings by position are multivariate hypergeometric. It is drawn for some numbers of firings and interpolated.

    Args:
        n_active: Firings of each feature, [m].
        n_tokens_at: Tokens by position, [P].
        seed: Of the placements.

    Returns:
        Mean and standard deviation of the null, bits, [m] each.
    """
    if not len(n_active):
        return np.zeros(0), np.zeros(0)
    random, most = np.random.default_rng(seed), int(n_active.max())
    grid = np.unique(np.geomspace(1, most, N_GRID).round().astype(np.int64)) if most else np.zeros(1, np.int64)
    drawn = np.stack(
        [information(random.multivariate_hypergeometric(n_tokens_at, n, size=N_DRAWS), n_tokens_at) for n in grid]
    )  # [grid, draws]
    at, known = np.log1p(n_active), np.log1p(grid)
    return np.interp(at, known, drawn.mean(axis=1)), np.interp(at, known, drawn.std(axis=1, ddof=1))
