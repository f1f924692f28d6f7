"""A trainer's quality as a curve over L0."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np


def at_l0(points: Sequence[Mapping[str, float]], name: str, l0: float) -> float | None:
    """Read a number off a curve, linear in log L0 between the points.

    Args:
        points: Each with an ``l0`` above 0 and the number, in any order.
        name: Which number.
        l0: Where.

    Returns:
        The number there; None outside the points.
    """
    known = sorted((math.log(point["l0"]), point[name]) for point in points if point["l0"] > 0)
    if not known or not known[0][0] <= math.log(l0) <= known[-1][0]:
        return None
    where, values = zip(*known, strict=True)
    return float(np.interp(math.log(l0), where, values))


def shared_l0s(curves: Sequence[Sequence[Mapping[str, float]]], n: int) -> list[float]:
    """Choose L0s at which every curve can be read.

    Args:
        curves: Points with an ``l0``.
        n: How many, at least 2.

    Returns:
        Evenly spaced in log L0 over the range that all curves cover, its ends included, rounded to a tenth inside it;
        none where the ranges do not overlap.
    """
    low = max(min(point["l0"] for point in curve) for curve in curves)
    high = min(max(point["l0"] for point in curve) for curve in curves)
    if not 0 < low < high:
        return []
    spaced = np.geomspace(low, high, n)
    return [min(max(round(float(l0), 1), low), high) for l0 in spaced]
