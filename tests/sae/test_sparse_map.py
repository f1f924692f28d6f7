"""Sparse maps between features: planted ones come back, sums over a stream are those of the whole."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

import sae
from sae import SparseActs, _sparse_rows
from sae._sparse_rows import add_product, sparse_rows
from sae.compare import PairMoments, explained, fit_sparse_map
from sae.compare._lasso import lasso


def sparse_features(n, m, seed=0, density=0.1):
    random = np.random.default_rng(seed)
    return random.exponential(random.uniform(0.1, 10, m), (n, m)) * (random.random((n, m)) < density)


def moments_of(source, target, step=10**9):
    found = PairMoments(np.arange(source.shape[1]), np.arange(target.shape[1]))
    for at in range(0, len(source), step):
        found.add(acts_of(source[at : at + step]), acts_of(target[at : at + step]))
    return found


def acts_of(dense):
    row, feature = (torch.from_numpy(ids.copy()) for ids in dense.nonzero())
    return SparseActs(row, feature, torch.from_numpy(dense[row, feature]), n_rows=len(dense), d_sae=dense.shape[1])


def planted(n=4000, m=40, k=25, seed=0, noise=0.0):
    """Targets that are sums of one to three sources, in units of very different size."""
    random = np.random.default_rng(seed)
    source = sparse_features(n, m, seed)
    weights = np.zeros((m, k))
    for column in range(k):
        chosen = random.choice(m, random.integers(1, 4), replace=False)
        weights[chosen, column] = random.uniform(0.5, 1.0, len(chosen)) / source[:, chosen].std(axis=0)
    weights *= random.uniform(0.01, 100, k)
    target = source @ weights
    return source, target + noise * target.std(axis=0) * random.standard_normal(target.shape), weights


def test_a_planted_map_comes_back():
    source, target, weights = planted()
    fitted = fit_sparse_map(moments_of(source[:3000], target[:3000]), 4e-4)
    assert fitted.solved.all()
    assert np.array_equal(np.abs(fitted.normalised) > 0.01, weights > 0)
    np.testing.assert_allclose(fitted.weights[weights > 0], weights[weights > 0], rtol=0.01)
    assert explained(fitted, moments_of(source[3000:], target[3000:])).min() > 0.999


def test_what_is_explained_is_what_predictions_explain():
    source, target, _ = planted(noise=0.5)
    target[:, 3] += 7.0
    fitted = fit_sparse_map(moments_of(source[:3000], target[:3000]), 0.05)
    held_out = target[3000:]
    error = ((held_out - source[3000:] @ fitted.weights - fitted.bias) ** 2).sum(axis=0)
    expected = 1 - error / ((held_out - held_out.mean(axis=0)) ** 2).sum(axis=0)
    found = explained(fitted, moments_of(source[3000:], held_out))
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert 0.6 < np.median(found) < 0.85


def test_independent_features_are_not_connected():
    source, target = sparse_features(4000, 30), sparse_features(4000, 20, seed=1)
    fitted = fit_sparse_map(moments_of(source, target), 0.2)  # a correlation of 0.1 is six standard errors
    assert not fitted.weights.any()
    np.testing.assert_allclose(explained(fitted, moments_of(source, target)), 0.0, atol=1e-9)


def test_features_that_do_not_vary_have_no_weights():
    source, target, _ = planted()
    source[:, 5], target[:, 2], target[:, 3] = 3.0, 0.0, 0.1
    fitted = fit_sparse_map(moments_of(source, target), 4e-4)
    assert not fitted.weights[5].any()
    assert not fitted.weights[:, 2:4].any()
    np.testing.assert_allclose(fitted.bias[2:4], [0.0, 0.1], atol=1e-9)
    assert np.isfinite(fitted.weights).all()
    assert np.isnan(explained(fitted, moments_of(source, target))[2])


@pytest.mark.parametrize("density", [0.02, 0.9])
def test_sums_over_a_stream_are_those_of_the_whole(density):
    source, target = sparse_features(500, 12, density=density), sparse_features(500, 9, seed=1, density=density)
    found = moments_of(source, target, step=37)
    np.testing.assert_allclose(found.source_gram, source.T @ source)
    np.testing.assert_allclose(found.cross, source.T @ target)
    np.testing.assert_allclose(found.target_squares, (target**2).sum(axis=0))
    gram, cross, variance = found.centred()
    np.testing.assert_allclose(gram, np.cov(source.T, ddof=0), atol=1e-9)
    np.testing.assert_allclose(cross, np.cov(source.T, target.T, ddof=0)[:12, 12:], atol=1e-9)
    np.testing.assert_allclose(variance, target.var(axis=0))


def test_only_chosen_features_are_summed():
    source, target = sparse_features(60, 6), sparse_features(60, 5, seed=1)
    found = PairMoments(np.array([1, 4]), np.array([0, 2, 3]))
    found.add(acts_of(source), acts_of(target))
    np.testing.assert_allclose(found.cross, source[:, [1, 4]].T @ target[:, [0, 2, 3]])
    with pytest.raises(sae.SAEError, match="found 60 and 59"):
        found.add(acts_of(source), acts_of(target[1:]))


@pytest.mark.parametrize("share", [0, 10**9])
def test_products_are_the_same_pair_by_pair_and_dense(monkeypatch, share):
    monkeypatch.setattr(_sparse_rows, "SPARSE_SHARE", share)
    left, right = sparse_features(30, 7), sparse_features(30, 5, seed=1)
    total = np.ones((7, 5))
    add_product(total, csr_array(left), csr_array(right))
    np.testing.assert_allclose(total, 1 + left.T @ right)


def test_sparse_rows_are_the_encoding(make_sae):
    model, x = make_sae(), torch.randn(9, 6, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(sparse_rows(model.encode_sparse(x)).toarray(), model.encode(x).numpy(), rtol=1e-5)


def test_the_lasso_of_uncorrelated_sources_is_a_soft_threshold():
    cross = np.array([[0.5, -0.5], [0.05, 0.2]])
    weights, solved = lasso(np.eye(2), cross, 0.1)
    assert solved.all()
    np.testing.assert_allclose(weights, [[0.4, -0.4], [0.0, 0.1]], atol=1e-5)


def test_the_lasso_is_optimal_where_sources_are_nearly_the_same():
    random = np.random.default_rng(0)
    x = random.standard_normal((50, 8)) @ random.standard_normal((8, 30))  # rank 8 of 30
    gram, cross, penalty = x.T @ x / 50, x.T @ random.standard_normal((50, 4)) / 50, 0.05
    weights, solved = lasso(gram, cross, penalty, tolerance=1e-6)
    assert solved.all()
    slope = gram @ weights - cross
    assert np.abs(slope).max() <= penalty + 1e-6
    np.testing.assert_allclose(slope[weights != 0], -penalty * np.sign(weights[weights != 0]), atol=1e-6)
    few, unsolved = lasso(gram, cross, penalty, tolerance=1e-6, max_steps=1)
    assert not unsolved.any()
    assert few.any()


@pytest.mark.parametrize(("alpha", "moments", "message"), [
    (0.0, moments_of(np.ones((2, 1)), np.ones((2, 1))), "alpha must be above 0"),
    (0.1, PairMoments(np.arange(1), np.arange(1)), "the stream is empty"),
])  # fmt: skip
def test_maps_that_can_not_be_fitted_are_refused(alpha, moments, message):
    with pytest.raises(sae.SAEError, match=message):
        fit_sparse_map(moments, alpha)
