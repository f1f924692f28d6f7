"""Intervals and tests against published or independently computed numbers."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.stats import fisher_greater, holm, homogeneity, mcnemar_exact, newcombe_difference, wilson

counts = st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(39, 50, 0.648, 0.872), (24, 25, 0.805, 0.993), (15, 25, 0.407, 0.766), (0, 10, 0.0, 0.2775)],
)
def test_wilson_gives_the_published_intervals(k: int, n: int, low: float, high: float) -> None:
    interval = wilson(k, n)
    assert interval.low == pytest.approx(low, abs=6e-4)
    assert interval.high == pytest.approx(high, abs=6e-4)


@given(counts)
def test_wilson_holds_the_estimate_and_mirrors(pair: tuple[int, int]) -> None:
    k, n = pair
    interval, mirrored = wilson(k, n), wilson(n - k, n)
    assert 0 <= interval.low < interval.high <= 1
    assert n == 0 or interval.low <= k / n <= interval.high
    assert interval.low == pytest.approx(1 - mirrored.high)


def by_formula(k: int, n: int, confidence: float) -> tuple[float, float]:
    """Wilson 1927."""
    z, p = NormalDist().inv_cdf(0.5 + confidence / 2), k / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (p + z * z / (2 * n) - half) / (1 + z * z / n), (p + z * z / (2 * n) + half) / (1 + z * z / n)


@given(counts.filter(lambda pair: pair[1] > 0), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_is_its_formula(pair: tuple[int, int], confidence: float) -> None:
    assert wilson(*pair, confidence) == pytest.approx(by_formula(*pair, confidence), abs=1e-9)


def test_wilson_covers_about_as_often_as_it_says() -> None:
    random, n = np.random.default_rng(0), 50
    for p in (0.1, 0.5, 0.8):
        covered = [wilson(int(k), n).low <= p <= wilson(int(k), n).high for k in random.binomial(n, p, size=2000)]
        assert 0.93 <= np.mean(covered) <= 0.985


def test_wilson_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="k=3, n=2"):
        wilson(3, 2)


def test_newcombe_gives_the_published_example() -> None:
    # Newcombe 1998, table II: 56/70 - 48/80, method 10
    interval = newcombe_difference(56, 70, 48, 80)
    assert interval == pytest.approx((0.0524, 0.3339), abs=1e-4)


@given(counts, counts)
def test_newcombe_turns_its_sign_with_its_sides(first: tuple[int, int], second: tuple[int, int]) -> None:
    there, back = newcombe_difference(*first, *second), newcombe_difference(*second, *first)
    assert there == pytest.approx((-back.high, -back.low))
    assert -1 <= there.low < there.high <= 1


@given(*[counts.filter(lambda pair: pair[1] > 0)] * 2, st.sampled_from([0.9, 0.95]))
def test_newcombe_is_its_formula(first: tuple[int, int], second: tuple[int, int], confidence: float) -> None:
    (l1, u1), (l2, u2) = by_formula(*first, confidence), by_formula(*second, confidence)
    p1, p2 = first[0] / first[1], second[0] / second[1]
    expected = p1 - p2 - math.hypot(p1 - l1, u2 - p2), p1 - p2 + math.hypot(u1 - p1, p2 - l2)
    assert newcombe_difference(*first, *second, confidence) == pytest.approx(expected, abs=1e-9)


def test_newcombe_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="3/2"):
        newcombe_difference(3, 2, 1, 1)


def test_mcnemar_counts_coin_flips() -> None:
    assert mcnemar_exact(0, 0) == 1.0
    assert mcnemar_exact(0, 5) == pytest.approx(2 * 0.5**5)
    assert mcnemar_exact(5, 0, "greater") == pytest.approx(0.5**5)
    assert mcnemar_exact(5, 0, "less") == 1.0


@given(counts, counts)
def test_fisher_counts_tables(first: tuple[int, int], second: tuple[int, int]) -> None:
    (k1, n1), (k2, n2) = first, second
    tables = [math.comb(n1, k) * math.comb(n2, k1 + k2 - k) for k in range(min(n1, k1 + k2) + 1)]
    assert fisher_greater(k1, n1, k2, n2) == pytest.approx(sum(tables[k1:]) / sum(tables), abs=1e-9)


def test_the_sixteen_published_rates_are_one_rate() -> None:
    percent = [82, 86, 84, 86, 82, 82, 80, 78, 72, 78, 88, 80, 80, 78, 78, 76]
    result = homogeneity([p // 2 for p in percent], [50] * 16)
    assert (round(result.chi2, 2), result.df, round(result.p, 2)) == (8.12, 15, 0.92)


def test_homogeneity_at_its_edges() -> None:
    assert homogeneity([5, 5], [5, 5]) == (0.0, 1, 1.0)
    assert homogeneity([3], [5]) == (0.0, 0, 1.0)
    with pytest.raises(ValueError, match="n > 0"):
        homogeneity([0], [0])


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@settings(max_examples=10, deadline=None)  # the library collects garbage on every call
@given(st.lists(st.floats(0, 1), max_size=10))
def test_holm_never_makes_a_p_value_smaller(p_values: list[float]) -> None:
    assert all(p <= adjusted <= 1 for p, adjusted in zip(p_values, holm(p_values), strict=True))
