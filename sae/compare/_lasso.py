"""Least squares with an L1 penalty for many targets at once, from covariances alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CHECK_EVERY = 20
"""Steps between looks at which targets are solved."""


def lasso(
    gram: Array, cross: Array, penalty: float, *, tolerance: float = 1e-5, max_steps: int = 3000
) -> tuple[Array, NDArray[np.bool_]]:
    """Minimise ``w^T gram w / 2 - cross^T w + penalty |w|_1`` for each column of ``cross``.

    FISTA (Beck and Teboulle, "A Fast Iterative Shrinkage-Thresholding Algorithm", 2009) with a restart of a column's
    momentum whenever it points uphill (O'Donoghue and Candes, 2015). Columns share their products and nothing else; one
    is solved, and left alone from there, when no coordinate breaks the optimality conditions by more than
    ``tolerance``. Nothing is random.

    Args:
        gram: [m, m], symmetric and positive semidefinite.
        cross: [m, k].
        penalty: At least 0.
        tolerance: In the units of ``cross``.
        max_steps: Where unsolved columns stop.

    Returns:
        Weights [m, k], and bool [k]: which columns are solved.
    """
    weights, solved = np.zeros_like(cross), np.zeros(cross.shape[1], dtype=bool)
    step = 1.0 / max(float(np.linalg.eigvalsh(gram)[-1]), np.finfo(np.float64).tiny)
    open_columns = np.arange(cross.shape[1])
    current = ahead = weights
    momentum = np.ones(cross.shape[1])  # FISTA's t
    for number in range(1, max_steps + 1):
        target = cross[:, open_columns]
        following = _shrink(ahead - step * (gram @ ahead - target), step * penalty)
        uphill = ((ahead - following) * (following - current)).sum(axis=0) > 0
        grown = np.where(uphill, 1.0, (1 + np.sqrt(1 + 4 * momentum**2)) / 2)
        carried = np.where(uphill, 0.0, (momentum - 1) / grown)
        current, ahead, momentum = following, following + carried * (following - current), grown
        if number % CHECK_EVERY == 0 or number == max_steps:
            weights[:, open_columns] = current
            still = _violation(gram @ current - target, current, penalty) > tolerance
            solved[open_columns] = ~still
            open_columns, momentum = open_columns[still], momentum[still]
            current, ahead = current[:, still], ahead[:, still]
            if not len(open_columns):
                break
    return weights, solved


def _shrink(weights: Array, by: float) -> Array:
    shrunk: Array = np.sign(weights) * np.maximum(np.abs(weights) - by, 0.0)
    return shrunk


def _violation(slope: Array, weights: Array, penalty: float) -> Array:
    """How far each column is from optimal: the largest distance of a slope from where the penalty can hold it."""
    at_zero = np.maximum(np.abs(slope) - penalty, 0.0)
    away: Array = np.abs(slope + penalty * np.sign(weights))
    largest: Array = np.where(weights == 0, at_zero, away).max(axis=0)
    return largest
