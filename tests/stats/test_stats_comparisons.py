"""Bootstrap, power and confusion tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.stats import (
    balanced_accuracy,
    balanced_accuracy_interval,
    f1,
    mcc,
    minimum_detectable_effect,
    paired_bootstrap,
    required_n,
)

cell = st.integers(0, 40)


def test_bootstrap_agrees_with_the_normal_interval() -> None:
    values = np.random.default_rng(1).normal(0.3, 1.0, size=400)
    half = 1.96 * values.std() / 20
    assert paired_bootstrap(list(values)) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_bootstrap_is_seeded() -> None:
    values = [0.03, 1.1, 0.4, -1.2, 0.7, 1.9, 0.21]
    assert paired_bootstrap(values, seed=3, n=500) == paired_bootstrap(values, seed=3, n=500)
    assert paired_bootstrap(values, seed=3, n=500) != paired_bootstrap(values, seed=4, n=500)


def test_clusters_widen_the_interval() -> None:
    values = [1.0] * 20 + [0.0] * 20 + [1.0] * 20 + [0.0] * 20
    alone = paired_bootstrap(values, n=2000)
    together = paired_bootstrap(values, clusters=[i // 20 for i in range(80)], n=2000)
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_bootstrap_needs_pairs() -> None:
    with pytest.raises(ValueError, match="got 0"):
        paired_bootstrap([])


def test_required_n_of_the_usual_regression() -> None:
    assert required_n(0.78, 0.05) == pytest.approx(913, abs=2)


def test_pairs_need_fewer() -> None:
    assert required_n(0.78, 0.05, discordant=0.08) < required_n(0.78, 0.05) / 3


@given(st.floats(0.2, 1.0), st.integers(30, 3000), st.sampled_from([None, 0.05, 0.2]))
def test_effect_and_size_are_inverse(baseline: float, n: int, discordant: float | None) -> None:
    effect = minimum_detectable_effect(baseline, n, discordant=discordant)
    if effect is not None:
        assert abs(required_n(baseline, effect, discordant=discordant) - n) <= 1


def test_no_effect_is_detectable_from_nothing() -> None:
    assert minimum_detectable_effect(0.8, 1) is None
    assert minimum_detectable_effect(0.0, 1000) is None
    assert minimum_detectable_effect(0.8, 0, n_other=0) is None


def test_power_is_what_it_says() -> None:
    n, random = required_n(0.7, 0.15), np.random.default_rng(0)
    before, after = random.binomial(n, 0.7, 4000) / n, random.binomial(n, 0.55, 4000) / n
    pooled = (before + after) / 2
    z = (before - after) / np.sqrt(2 * pooled * (1 - pooled) / n)
    assert (z > 1.645).mean() == pytest.approx(0.8, abs=0.03)


def test_confusion_numbers() -> None:
    assert balanced_accuracy(8, 2, 15, 5) == pytest.approx((0.8 + 0.75) / 2)
    assert mcc(8, 2, 15, 5) == pytest.approx((8 * 15 - 5 * 2) / np.sqrt(13 * 10 * 20 * 17))
    assert f1(8, 2, 15, 5) == pytest.approx(16 / 23)


def test_empty_classes_have_no_score() -> None:
    assert balanced_accuracy(0, 0, 5, 5) is None
    assert balanced_accuracy(5, 5, 0, 0) is None
    assert mcc(0, 0, 5, 5) is None
    assert f1(0, 0, 5, 5) is None
    assert balanced_accuracy_interval(5, 0, 0, 0) == (0.0, 1.0)


def test_doing_nothing_is_worth_nothing() -> None:
    assert balanced_accuracy(0, 4, 10, 0) == 0.5
    assert mcc(0, 4, 10, 0) == 0.0
    assert f1(0, 4, 10, 0) == 0.0


@given(cell, cell, cell, cell)
def test_interval_holds_the_balanced_accuracy(tp: int, fn: int, tn: int, fp: int) -> None:
    value, interval = balanced_accuracy(tp, fn, tn, fp), balanced_accuracy_interval(tp, fn, tn, fp)
    assert 0 <= interval.low < interval.high <= 1
    assert value is None or interval.low <= value <= interval.high


def test_interval_covers_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(2)
    for tpr, tnr in ((0.9, 0.7), (0.6, 0.5)):
        tps, tns = random.binomial(22, tpr, 1500), random.binomial(16, tnr, 1500)
        found = [
            balanced_accuracy_interval(int(a), 22 - int(a), int(b), 16 - int(b)) for a, b in zip(tps, tns, strict=True)
        ]
        assert 0.93 <= np.mean([low <= (tpr + tnr) / 2 <= high for low, high in found]) <= 0.99
