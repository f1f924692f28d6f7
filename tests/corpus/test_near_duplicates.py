"""MinHash estimates Jaccard similarity, and clusters are those of the pairs that are similar enough."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.corpus._near_duplicates import N_HASHES, SHINGLE, cluster_near_duplicates, min_hashes


def jaccard(a, b):
    sets = [{tuple(t[i : i + SHINGLE]) for i in range(len(t) - SHINGLE + 1)} for t in (a.tolist(), b.tolist())]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@pytest.mark.parametrize("kept", [0.0, 0.2, 0.5, 0.8, 0.95, 1.0])
def test_signatures_estimate_jaccard_similarity(kept):
    rng = np.random.default_rng(int(kept * 100))
    errors = []
    for _ in range(40):
        a = rng.integers(0, 1000, 300, dtype=np.int32)
        b = np.concatenate([a[: int(300 * kept)], rng.integers(0, 1000, 300 - int(300 * kept), dtype=np.int32)])
        errors.append((min_hashes(a) == min_hashes(b)).mean() - jaccard(a, b))
    # standard error of one estimate is at most 1/16, of the mean of 40 of them 0.01
    assert abs(np.mean(errors)) < 0.035
    assert np.abs(errors).max() < 0.3
    if kept in {0.0, 1.0}:
        assert np.abs(errors).max() == 0


@settings(deadline=None, max_examples=50)
@given(tokens=st.lists(st.integers(0, 9), min_size=1, max_size=60), repeat=st.integers(1, 3))
def test_only_the_set_of_shingles_matters(tokens, repeat):
    ring = np.array(tokens * 4, dtype=np.int32)  # a cycle long enough to show all its shingles
    longer = np.array(tokens * (4 + repeat), dtype=np.int32)
    if len(ring) >= len(tokens) + SHINGLE:
        assert np.array_equal(min_hashes(ring), min_hashes(longer))


def test_blocks_do_not_change_a_signature(monkeypatch):
    from autointerp.corpus import _near_duplicates

    tokens = np.arange(1000, dtype=np.int32)
    whole = min_hashes(tokens)
    monkeypatch.setattr(_near_duplicates, "_BLOCK", 7)
    assert np.array_equal(min_hashes(tokens), whole)


@settings(deadline=None, max_examples=50)
@given(
    groups=st.lists(st.integers(0, 5), min_size=1, max_size=30),
    differing=st.integers(0, 8),
    data=st.data(),
)
def test_clusters_are_the_groups_whatever_the_order(groups, differing, data):
    rng = np.random.default_rng(7)
    centres = rng.integers(0, 2**32, (6, N_HASHES), dtype=np.uint32)
    signatures = centres[groups]
    for row in signatures:  # every two of a group agree in at least 48 of 64 places
        row[rng.permutation(N_HASHES)[:differing]] = rng.integers(0, 2**32, differing, dtype=np.uint32)
    digests = [f"{i:04d}" for i in rng.permutation(len(groups))]
    clusters = cluster_near_duplicates(signatures, digests)
    for i, group in enumerate(groups):
        members = [j for j, other in enumerate(groups) if other == group]
        assert clusters[i] == min(members, key=lambda j: digests[j])
    order = data.draw(st.permutations(range(len(groups))))
    moved = cluster_near_duplicates(signatures[order], [digests[i] for i in order])
    assert [order[leader] for leader in moved] == [clusters[i] for i in order]


def test_a_chain_of_similar_texts_is_one_cluster():
    signatures = np.tile(np.arange(N_HASHES, dtype=np.uint32), (4, 1))
    for i in range(4):
        signatures[i, : 12 * i] += 1000  # neighbours agree in 52 places, the ends in 28
    assert len(set(cluster_near_duplicates(signatures, ["a", "b", "c", "d"]))) == 1
    assert len(set(cluster_near_duplicates(signatures[[0, 3]], ["a", "d"]))) == 2
