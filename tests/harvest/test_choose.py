"""Choosing keeps the order, the number, and places apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autointerp.harvest._choose import choose

LENGTH = 5
places = st.lists(st.integers(0, 39))


@given(places, st.integers(0, 12), st.sets(st.integers(0, 39)))
def test_choose(candidates, n, taken):
    used = set(taken)
    chosen = [candidates[i] for i in choose(candidates, n, used=used, context_length=LENGTH)]
    free = set(candidates) - taken
    assert len(chosen) == len(set(chosen)) == min(n, len(free))
    assert set(chosen) <= free
    assert used == taken | set(chosen)
    n_windows = len({place // LENGTH for place in free})
    assert len({place // LENGTH for place in chosen}) == min(n, n_windows)


def test_best_first():
    assert choose([10, 11, 3, 20, 21], 2, used=set(), context_length=LENGTH) == [0, 2]
    assert choose([10, 11, 3, 20, 21], 4, used={3}, context_length=LENGTH) == [0, 1, 3, 4]
