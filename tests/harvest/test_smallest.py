"""What is kept is what a full sort would keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.harvest import _smallest
from autointerp.harvest._smallest import EMPTY, SmallestKeys, group_by_feature


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 300), st.sampled_from([1, 20, 10_000]))
def test_keeps_the_k_smallest_whatever_the_batches(seed, k, n, buffer):
    rng = np.random.default_rng(seed)
    feature = rng.choice(6, n, p=[0.7, 0.1, 0.1, 0.05, 0.05, 0.0])  # one has most, one has none
    key = rng.permutation(n).astype(np.uint64) * np.uint64(2**50 + 1)
    keeper = SmallestKeys(6, k)
    keeper._buffer = buffer
    for batch in np.array_split(np.arange(n), rng.integers(1, n + 1)):
        chosen = batch[keeper.may_enter(feature[batch], key[batch])]
        keeper.offer(feature[chosen], key[chosen], chosen.astype(np.uint32))
    for f in range(6):
        mine = np.flatnonzero(feature == f)
        best = mine[np.argsort(key[mine])][:k]
        assert keeper.keys[f].tolist() == key[best].tolist() + [int(EMPTY)] * (k - len(best))
        assert keeper.payload[f].tolist() == best.tolist() + [0] * (k - len(best))


def test_blocks_do_not_change_what_is_kept(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    feature, key = rng.integers(0, 50, 4000), rng.permutation(4000).astype(np.uint64)
    keepers = []
    for cells in (1, 100, 1 << 20):
        monkeypatch.setattr(_smallest, "_BLOCK_CELLS", cells)
        keeper = SmallestKeys(50, 7)
        keeper.offer(feature, key, key.astype(np.uint32))
        keepers.append(keeper.keys)
    assert (keepers[0] == keepers[1]).all()
    assert (keepers[0] == keepers[2]).all()


@pytest.mark.parametrize("n_features", [300, 200_000])
def test_grouping_is_stable_beyond_16_bits(n_features):
    feature = np.random.default_rng(0).integers(0, n_features, 5000)
    assert (group_by_feature(feature) == np.argsort(feature, kind="stable")).all()
