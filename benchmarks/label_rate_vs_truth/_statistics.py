"""How well a number tells two sets apart, and how well two numbers agree, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from scipy.optimize import brentq
from scipy.stats import norm, rankdata, spearmanr

_Z = float(norm.ppf(0.975))
_STEP = 1e-9


class Estimate(NamedTuple):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


def auroc(real: Sequence[float], null: Sequence[float]) -> Estimate | None:
    """Chance that a real one lies above a null, ties counting half, with Newcombe's interval (2006, method 5).

    The interval solves the score equation with Hanley and McNeil's variance, so it has a width also where the two sets
    don't overlap.

    Args:
        real: A number each.
        null: A number each.

    Returns:
        0.5 where the number tells nothing, 1 where every real one lies above every null; None without either.
    """
    m, n = len(real), len(null)
    if not m or not n:
        return None
    ranks = rankdata([*real, *null])[:m]
    value = float((ranks.sum() - m * (m + 1) / 2) / (m * n))
    excess = (m + n) / 2 - 1

    def deviation(theta: float) -> float:
        spread = 1 + excess * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return _Z * math.sqrt(theta * (1 - theta) * spread / (m * n))

    def below(theta: float) -> float:
        return value - theta - deviation(theta)

    def above(theta: float) -> float:
        return theta - value - deviation(theta)

    # both equations hold at the value itself where it is 0 or 1; the bound is their other solution
    low = float(brentq(below, 0.0, value - _STEP)) if value > 0 else 0.0
    high = float(brentq(above, value + _STEP, 1.0)) if value < 1 else 1.0
    return Estimate(value, low, high)


def spearman(one: Sequence[float], other: Sequence[float]) -> Estimate | None:
    """Rank correlation, with the interval of Bonett and Wright (2000).

    Args:
        one: A number each.
        other: As many.

    Returns:
        None with fewer than 5 pairs, or where one of the two is the same throughout. At 1 and -1 the interval has no
        width.
    """
    if len(one) < 5 or min(len(set(one)), len(set(other))) == 1:
        return None
    r = float(spearmanr(one, other).statistic)
    if abs(r) == 1:
        return Estimate(r, r, r)
    half = _Z * math.sqrt((1 + r * r / 2) / (len(one) - 3))
    return Estimate(r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half))
