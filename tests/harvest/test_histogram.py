"""A value's bin is the one that the published edges say."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autointerp.harvest import HISTOGRAM_EDGES
from autointerp.harvest._histogram import bin_of


@given(st.lists(st.floats(2.0**-20, 2.0**19, width=32), min_size=1))
def test_bins_follow_the_edges(numbers):
    value = np.array(numbers, np.float32)
    assert (bin_of(value) == np.searchsorted(HISTOGRAM_EDGES, value, side="right")).all()


def test_an_edge_belongs_to_the_bin_above_it():
    assert bin_of(HISTOGRAM_EDGES).tolist() == list(range(1, 66))
    assert bin_of(np.nextafter(HISTOGRAM_EDGES, np.float32(0))).tolist() == list(range(65))


def test_edges_are_log_spaced():
    ratio = HISTOGRAM_EDGES[1:] / HISTOGRAM_EDGES[:-1]
    assert np.allclose(ratio, 2 ** (20 / 64), rtol=0.01)
    assert (HISTOGRAM_EDGES[0], HISTOGRAM_EDGES[-1]) == (2.0**-8, 2.0**12)
