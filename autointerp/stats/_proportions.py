"""Rates and their intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.stats import norm


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


def wilson(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927).

    Args:
        k: Successes.
        n: Trials; without any the interval is [0, 1].
        confidence: Two-sided level.

    Raises:
        ValueError: Not 0 <= k <= n.
    """
    if not 0 <= k <= n:
        raise ValueError(f"k must lie between 0 and n, got k={k}, n={n}")
    if n == 0:
        return Interval(0.0, 1.0)
    z = float(norm.ppf(0.5 + confidence / 2))
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # at the ends the bound is p itself; rounding must not move it
    return Interval(0.0 if k == 0 else middle - half, 1.0 if k == n else middle + half)


def newcombe_difference(k1: int, n1: int, k2: int, n2: int, confidence: float = 0.95) -> Interval:
    """Newcombe's interval (1998, method 10) of the difference k1/n1 - k2/n2 of two independent proportions.

    Args:
        k1: Successes of the first sample.
        n1: Its size.
        k2: Successes of the second sample.
        n2: Its size.
        confidence: Two-sided level; 0.90 gives one-sided 95 % bounds.

    Returns:
        The interval; [-1, 1] where a sample is empty.

    Raises:
        ValueError: A k is outside its n.
    """
    (l1, u1), (l2, u2) = wilson(k1, n1, confidence), wilson(k2, n2, confidence)
    if n1 == 0 or n2 == 0:
        return Interval(-1.0, 1.0)
    p1, p2 = k1 / n1, k2 / n2
    low = p1 - p2 - math.hypot(p1 - l1, u2 - p2)
    high = p1 - p2 + math.hypot(u1 - p1, p2 - l2)
    return Interval(low, high)
