"""AUROC and rank correlation, with intervals that have a width where they should."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.label_rate_vs_truth._statistics import auroc, spearman


def test_without_overlap_the_area_is_1_and_its_interval_still_has_a_width() -> None:
    found = auroc([0.6, 0.7, 0.9], [0.1, 0.2, 0.3])
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.3 < found.low < 0.8


def test_more_points_narrow_the_interval() -> None:
    few, many = (auroc([1.0] * n, [0.0] * n) for n in (4, 40))
    assert few is not None
    assert many is not None
    assert few.low < many.low < 1.0


def test_the_same_numbers_tell_nothing() -> None:
    found = auroc([0.8] * 6, [0.8] * 6)
    assert found is not None
    assert found.value == 0.5
    assert found.low == pytest.approx(1 - found.high)
    assert 0 < found.low < 0.35


def test_exchanging_the_sides_turns_the_area_around() -> None:
    real, null = [0.1, 0.5, 0.5, 0.9], [0.2, 0.5, 0.3]
    one, other = auroc(real, null), auroc(null, real)
    assert one is not None
    assert other is not None
    assert one.value == pytest.approx(7 / 12 + 1 / 12)  # 7 wins and 2 ties of 12 pairs
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))


def test_the_bounds_solve_newcombes_equation() -> None:
    found, m, n = auroc([3.0, 5.0, 6.0, 8.0, 9.0], [1.0, 2.0, 4.0, 7.0]), 5, 4
    assert found is not None
    for bound in (found.low, found.high):
        spread = 1 + ((m + n) / 2 - 1) * ((1 - bound) / (2 - bound) + bound / (1 + bound))
        z = abs(found.value - bound) / math.sqrt(bound * (1 - bound) * spread / (m * n))
        assert z == pytest.approx(1.959964, abs=1e-5)


def test_the_interval_of_the_area_covers() -> None:
    generator = np.random.default_rng(0)
    truth = 0.7602  # P(N(1, 1) > N(0, 1))
    found = [auroc(generator.normal(1, 1, 12).tolist(), generator.normal(0, 1, 12).tolist()) for _ in range(400)]
    covered = [one is not None and one.low <= truth <= one.high for one in found]
    assert 0.91 < np.mean(covered) < 0.99


def test_one_side_alone_has_no_area() -> None:
    assert auroc([], [0.5]) is None
    assert auroc([0.5], []) is None


def test_rank_correlation_is_blind_to_scale() -> None:
    numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]
    other = [math.exp(x) for x in [2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]]
    found = spearman(numbers, other)
    assert found is not None
    assert found.value == pytest.approx(1 - 6 * 4 / (7 * 48))
    assert found.low < found.value < found.high < 1


def test_a_constant_agrees_with_nothing() -> None:
    assert spearman([1.0] * 6, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) is None
    assert spearman([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]) is None
