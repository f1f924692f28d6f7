"""Sums are exact, so order can't matter."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autointerp.harvest._fixed_point import SCALE_BITS, FixedPointSum

values = st.lists(st.floats(2.0**-30, 2.0**20, exclude_max=True, width=32), min_size=1, max_size=40)


@given(values, st.randoms())
def test_sums_of_squares_equal_exact_integers_in_any_order(numbers, random):
    squares = np.array(numbers, np.float64) ** 2
    exact = sum(round(Fraction(float(s)) * 2**SCALE_BITS) for s in squares)
    order = list(range(len(squares)))
    random.shuffle(order)
    cut = random.randint(0, len(order))
    total, rest = FixedPointSum(1, n_words=3), FixedPointSum(1, n_words=3)
    total.add(np.zeros(cut, np.int64), squares[order[:cut]])
    for i in order[cut:]:
        rest.add(np.zeros(1, np.int64), squares[[i]])
    total.add_sum(rest)
    words = total.words[:, 0].tolist()
    assert sum(word << (32 * i) for i, word in enumerate(words)) == exact
    assert all(0 <= word < 2**32 for word in words[:-1])
    assert np.isclose(total.to_float()[0], float(Fraction(exact, 2**SCALE_BITS)), rtol=1e-15)


def test_many_largest_values_do_not_overflow():
    total = FixedPointSum(2, n_words=3)
    largest = np.full(100_000, float(2**20) ** 2 - 1)
    for _ in range(20):
        total.add(np.ones(len(largest), np.int64), largest)
    assert total.to_float().tolist() == [0.0, (2.0**40 - 1) * 2_000_000]
