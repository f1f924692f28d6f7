"""Two dictionaries side by side: largest cosines, one-to-one matching, chance."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta
from torch.nn.functional import normalize

import sae
from sae.compare import _matching, _nearest, directions_like, isotropic_directions, match_one_to_one, nearest_both_ways


def rows(n, d_in=16, seed=0):
    return torch.randn(n, d_in, generator=torch.Generator().manual_seed(seed))


def test_a_permuted_copy_is_found_whole_both_ways_whatever_the_norms():
    left = rows(40)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    right = 3.0 * left[order]
    forward, backward = nearest_both_ways(left, right)
    assert torch.equal(backward.index, order)
    assert torch.equal(forward.index[order], torch.arange(40))
    torch.testing.assert_close(forward.cosine, torch.ones(40))
    for limit in (10**6, 0):
        matching = match_one_to_one(left, right, max_exact_cells=limit, n_candidates=2)
        assert matching.exact == (limit > 0)
        assert matching.mean_cosine == pytest.approx(1.0, abs=1e-6)
        assert torch.equal(order[matching.right], matching.left)


def test_a_dictionary_that_holds_another_and_more_is_found_one_way_only():
    left = torch.eye(16)[:8]
    right = torch.eye(16)
    forward, backward = nearest_both_ways(left, right)
    assert (forward.cosine == 1).all()
    assert backward.cosine.tolist() == [1.0] * 8 + [0.0] * 8
    assert match_one_to_one(left, right).mean_cosine == 1.0
    assert match_one_to_one(right, left).mean_cosine == 1.0


def test_opposite_directions_are_different_features():
    left = torch.tensor([[1.0, 0.0]])
    forward, backward = nearest_both_ways(left, -left)
    assert forward.cosine.tolist() == backward.cosine.tolist() == [-1.0]
    assert match_one_to_one(left, -left).left.tolist() == []
    assert match_one_to_one(left, -left).mean_cosine == 0.0


@given(seed=st.integers(0, 20), a=st.integers(1, 12), b=st.integers(1, 12), block=st.integers(1, 40))
def test_blocks_do_not_matter(seed, a, b, block):
    left, right = rows(a, 3, seed), rows(b, 3, seed + 100)
    cosines = normalize(left, dim=1) @ normalize(right, dim=1).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_nearest, "BLOCK_CELLS", block)
        patch.setattr(_matching, "BLOCK_CELLS", block)
        forward, backward = nearest_both_ways(left, right)
        matched = match_one_to_one(left, right, max_exact_cells=0, n_candidates=3)
    for found, expected in ((forward, cosines.max(dim=1)), (backward, cosines.max(dim=0))):
        torch.testing.assert_close(found.cosine, expected.values)
    torch.testing.assert_close(cosines[torch.arange(a), forward.index], forward.cosine)
    torch.testing.assert_close(cosines[backward.index, torch.arange(b)], backward.cosine)
    torch.testing.assert_close(cosines[matched.left, matched.right], matched.cosine)


@given(seed=st.integers(0, 30), a=st.integers(1, 9), b=st.integers(1, 9))
def test_with_everyone_a_candidate_the_sparse_matching_is_the_exact_one(seed, a, b):
    left, right = rows(a, 3, seed), rows(b, 3, seed + 100)
    exact = match_one_to_one(left, right)
    sparse = match_one_to_one(left, right, max_exact_cells=0, n_candidates=9)
    assert sparse.mean_cosine == pytest.approx(exact.mean_cosine, abs=1e-6)
    for matching in (exact, sparse):
        assert len(set(matching.left.tolist())) == len(set(matching.right.tolist())) == len(matching.cosine)
        assert (matching.cosine > 0).all()


def test_few_candidates_give_a_lower_bound_that_is_near():
    left, right = rows(200, 8), rows(150, 8, seed=1)
    exact = match_one_to_one(left, right).mean_cosine
    near = match_one_to_one(left, right, max_exact_cells=0, n_candidates=8).mean_cosine
    assert 0.98 * exact < near <= exact + 1e-6


def test_the_matching_prefers_the_total_to_the_nearest():
    left = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    right = torch.tensor([[0.96, 0.28], [0.0, -1.0]])  # both left rows are closest to the first
    matching = match_one_to_one(left, right)
    assert matching.left.tolist() == [0]
    assert matching.right.tolist() == [0]
    assert matching.mean_cosine == pytest.approx(0.48)


def test_isotropic_directions_are_as_close_as_theory_says():
    d_in, n = 12, 400
    forward, _ = nearest_both_ways(isotropic_directions(4000, d_in, seed=0), isotropic_directions(n, d_in, seed=1))
    # a cosine with a uniform direction is 2 beta - 1; the largest of n independent ones has its distribution's power
    expected = 2 * beta.ppf(0.5 ** (1 / n), (d_in - 1) / 2, (d_in - 1) / 2) - 1
    assert float(forward.cosine.median()) == pytest.approx(expected, abs=0.01)


def test_directions_like_a_decoders_have_its_mean_and_covariance():
    decoder = normalize(rows(20_000, 64) * torch.linspace(3.0, 0.5, 64) + 2.0 * torch.eye(64)[0], dim=1)
    drawn = directions_like(decoder, seed=3)
    torch.testing.assert_close(drawn.norm(dim=1), torch.ones(20_000))
    torch.testing.assert_close(drawn.mean(dim=0), decoder.mean(dim=0), atol=0.01, rtol=0.0)
    spread = decoder.var(dim=0)
    assert float(spread[1] / spread[-1]) > 20
    torch.testing.assert_close(drawn.var(dim=0) / spread, torch.ones(64), atol=0.1, rtol=0.0)
    assert torch.equal(drawn, directions_like(decoder, seed=3))


def test_dictionaries_that_can_not_be_compared_are_refused():
    with pytest.raises(sae.SAEError, match="same d_in"):
        nearest_both_ways(rows(3, 4), rows(3, 5))
    with pytest.raises(sae.SAEError, match="found 3 and 0"):
        match_one_to_one(rows(3), rows(0))
