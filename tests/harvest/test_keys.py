"""Scrambled places are one to one and can be turned back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autointerp.harvest._keys import mix, salts, unmix


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
def test_unmix_undoes_mix(numbers):
    z = np.array(numbers, np.uint64)
    kept = z.copy()
    assert (unmix(mix(z)) == kept).all()
    assert (z == kept).all()


def test_mix_is_the_finaliser_of_splitmix64():
    # The first output of splitmix64 seeded with 0 is the finaliser of the golden gamma.
    assert mix(np.array([0x9E3779B97F4A7C15], np.uint64))[0] == 0xE220A8397B1DCDAF


def test_salts_differ_by_label_seed_and_purpose():
    labels = np.arange(1000)
    all_salts = np.concatenate([salts(seed, labels, purpose=p) for seed in (0, 1, -1) for p in ("sample", "pool")])
    assert len(np.unique(all_salts)) == 6000
    assert (salts(3, labels[[5, 2]], purpose="x") == salts(3, labels, purpose="x")[[5, 2]]).all()


def test_keys_of_consecutive_places_look_uniform():
    key = mix(np.arange(100_000, dtype=np.uint64) ^ salts(0, np.arange(1), purpose="sample"))
    share = np.bincount((key >> np.uint64(60)).astype(int), minlength=16) / len(key)
    assert np.abs(share - 1 / 16).max() < 0.005
