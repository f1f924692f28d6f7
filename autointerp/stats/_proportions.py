"""Rates and their intervals. statsmodels brings pandas with it, so it is imported when it is needed."""

from __future__ import annotations

from typing import NamedTuple


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
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(k, n, alpha=1 - confidence, method="wilson")
    # at the ends the bound is k / n itself; rounding must not move it
    return Interval(0.0 if k == 0 else float(low), 1.0 if k == n else float(high))


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
    if not (0 <= k1 <= n1 and 0 <= k2 <= n2):
        raise ValueError(f"each k must lie between 0 and its n, got {k1}/{n1} and {k2}/{n2}")
    if n1 == 0 or n2 == 0:
        return Interval(-1.0, 1.0)
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(k1, n1, k2, n2, method="newcomb", compare="diff", alpha=1 - confidence)
    return Interval(float(low), float(high))
