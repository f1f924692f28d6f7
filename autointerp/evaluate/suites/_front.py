"""The lower convex hull of points: what mixtures of SAEs would reach, and no SAE does better."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def lower_hull(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Give the corners of the falling part of the lower convex hull (Andrew's monotone chain).

    Args:
        points: (sparsity, error) pairs; less of both is better.

    Returns:
        Corners by ascending sparsity, from the point of least sparsity to the one of least error.
    """
    hull: list[tuple[float, float]] = []
    for point in sorted(set(points)):
        if hull and point[1] >= hull[-1][1]:
            continue
        while len(hull) > 1 and _above(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return hull


def front_at(points: Sequence[tuple[float, float]], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Read the hull at some sparsities.

    Args:
        points: As for ``lower_hull``, at least one.
        at: Sparsities, [n].

    Returns:
        Errors, [n]; nan where the hull does not reach.
    """
    hull = np.array(lower_hull(points))  # [corners, 2]
    errors: NDArray[np.float64] = np.interp(at, hull[:, 0], hull[:, 1], left=np.nan)
    return np.where(at > max(sparsity for sparsity, _ in points), np.nan, errors)


def _above(first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]) -> bool:
    """Whether the middle point lies on or above the line from the first to the last."""
    run, rise = last[0] - first[0], last[1] - first[1]
    return (middle[1] - first[1]) * run >= rise * (middle[0] - first[0])
