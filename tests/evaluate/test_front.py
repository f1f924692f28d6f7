"""The lower hull of points, and reading it."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autointerp.evaluate.suites._front import front_at, lower_hull

points = st.lists(
    st.tuples(st.floats(0, 100, allow_subnormal=False), st.floats(0, 100, allow_subnormal=False)),
    min_size=1,
    max_size=12,
)


def test_points_that_others_beat_are_no_corners():
    assert lower_hull([(1, 10), (2, 4), (2, 9), (3, 5), (4, 1), (6, 3)]) == [(1, 10), (2, 4), (4, 1)]


def test_a_point_above_the_line_between_two_is_no_corner():
    assert lower_hull([(0, 10), (5, 6), (10, 0)]) == [(0, 10), (10, 0)]


def test_reading_between_corners_is_linear_and_outside_the_points_nothing():
    read = front_at([(1, 10), (3, 4), (5, 7)], np.array([0.5, 2.0, 4.0, 5.5]))
    np.testing.assert_array_equal(np.isnan(read), [True, False, False, True])
    np.testing.assert_allclose(read[1:3], [7.0, 4.0])


@given(points)
def test_no_point_lies_below_the_front(given_points):
    at = np.array([sparsity for sparsity, _ in given_points])
    read = front_at(given_points, at)
    errors = np.array([error for _, error in given_points])
    assert (read <= errors + 1e-9 * (1 + errors)).all()


@given(points)
def test_the_front_is_made_of_points_and_falls(given_points):
    hull = lower_hull(given_points)
    assert set(hull) <= set(given_points)
    assert all(a[0] < b[0] and a[1] > b[1] for a, b in itertools.pairwise(hull))
