"""Significance tests on counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import binomtest, chi2_contingency, fisher_exact

Alternative = Literal["two-sided", "less", "greater"]


class Homogeneity(NamedTuple):
    """Result of a chi-square test of one common rate."""

    chi2: float
    df: int
    p: float


def mcnemar_exact(b: int, c: int, alternative: Alternative = "two-sided") -> float:
    """Exact McNemar test on the discordant pairs of a paired yes/no comparison.

    Args:
        b: Pairs with yes only in the first.
        c: Pairs with yes only in the second.
        alternative: ``greater``: the first has more; ``less``: the second has more.

    Returns:
        p-value; 1 without discordant pairs.

    Raises:
        ValueError: A count is negative.
    """
    if b < 0 or c < 0:
        raise ValueError(f"counts can't be negative, got b={b}, c={c}")
    if b + c == 0:
        return 1.0
    return float(binomtest(b, b + c, 0.5, alternative=alternative).pvalue)


def fisher_greater(k1: int, n1: int, k2: int, n2: int) -> float:
    """Fisher's exact test, one-sided: is k1/n1 greater than k2/n2?

    Args:
        k1: Successes of the first sample.
        n1: Its size.
        k2: Successes of the second sample.
        n2: Its size.

    Returns:
        p-value: how often chance gives the first sample at least k1 of all k1 + k2 successes; 1 without samples.

    Raises:
        ValueError: A k is outside its n.
    """
    if not (0 <= k1 <= n1 and 0 <= k2 <= n2):
        raise ValueError(f"each k must lie between 0 and its n, got {k1}/{n1} and {k2}/{n2}")
    if n1 + n2 == 0:
        return 1.0
    return float(fisher_exact([[k1, n1 - k1], [k2, n2 - k2]], alternative="greater").pvalue)


def homogeneity(ks: Sequence[int], ns: Sequence[int]) -> Homogeneity:
    """Pearson's chi-square test that all samples share one rate.

    Args:
        ks: Successes of each sample.
        ns: Sizes, none zero.

    Returns:
        Statistic, degrees of freedom and p-value; with a pooled rate of 0 or 1, or one sample, chi2 is 0 and p is 1.

    Raises:
        ValueError: Lengths differ, none is given, a size is zero or a k is outside its n.
    """
    k, n = np.asarray(ks, dtype=float), np.asarray(ns, dtype=float)
    if k.shape != n.shape or k.size == 0 or (n <= 0).any() or (k < 0).any() or (k > n).any():
        raise ValueError(f"need as many ks as ns with 0 <= k <= n and n > 0, got {list(ks)} and {list(ns)}")
    rate, df = k.sum() / n.sum(), k.size - 1
    if df == 0 or rate in (0.0, 1.0):
        return Homogeneity(0.0, df, 1.0)
    found = chi2_contingency([k, n - k], correction=False)
    return Homogeneity(float(found.statistic), df, float(found.pvalue))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for being many (Holm 1979), in the order given."""
    if len(p_values) == 0:
        return []
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(p_values, method="holm")[1]]
