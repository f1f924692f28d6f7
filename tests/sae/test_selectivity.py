from __future__ import annotations

import math

import numpy as np
import pytest

import sae


def test_numbers_by_hand():
    found = sae.selectivity(np.array([2.0, 3.0, 1.0]), np.array([10, 99, 1_000_000]))
    assert found == pytest.approx([2 / math.log(11), 3 / math.log(100), 1 / math.log(1_000_001)])


def test_too_few_activations_have_no_score():
    found = sae.selectivity([5.0, 5.0, 5.0], [0, 9, 10])
    assert np.isnan(found).tolist() == [True, True, False]
    assert np.isnan(sae.selectivity([5.0, 5.0], [0, 1], min_count=0)).tolist() == [True, False]


def test_the_base_of_the_logarithm_changes_no_order():
    random = np.random.default_rng(0)
    mean, count = random.random(200), random.integers(10, 10_000, 200)
    natural = sae.selectivity(mean, count)
    decimal = mean / np.log10(count + 1)
    assert np.argsort(natural).tolist() == np.argsort(decimal).tolist()
