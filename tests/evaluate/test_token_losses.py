"""Statistics of per-token losses, and whether a classifier can tell the tokens that pay most."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from autointerp.evaluate._groups import by_groups
from autointerp.evaluate.suites.layers._separability import separability
from autointerp.evaluate.suites.layers._token_losses import TokenLosses, spearman, tail_share


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=40))
def test_the_rank_correlation_is_scipys(pairs):
    a, b = np.array(pairs, float).T
    if a.min() < a.max() and b.min() < b.max():
        assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-9)
    else:
        assert np.isnan(spearman(a, b))


def test_the_worst_tenth_pays_its_share():
    assert tail_share(np.array([9.0] + [1.0] * 9)) == pytest.approx(0.5)
    assert tail_share(np.ones(50)) == pytest.approx(0.1)
    assert np.isnan(tail_share(-np.ones(50)))


def test_the_error_from_random_groups_is_that_of_a_mean_of_independent_draws():
    random = np.random.default_rng(0)
    values, clusters = random.normal(size=20_000), np.arange(20_000)
    estimate = by_groups(lambda at: float(values[at].mean()), clusters)
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.standard_error == pytest.approx(1 / np.sqrt(20_000), rel=0.5)


def test_tokens_of_one_document_are_no_independent_draws():
    random = np.random.default_rng(0)
    documents = np.repeat(np.arange(200), 100)
    values = random.normal(size=200)[documents]
    error = by_groups(lambda at: float(values[at].mean()), documents).standard_error
    assert error > 5 / np.sqrt(len(values))  # ten times the error of as many independent draws


def test_a_planted_direction_separates_and_noise_does_not():
    random = np.random.default_rng(0)
    n, clusters = 2_000, np.arange(2_000) // 10
    x = random.normal(size=(n, 12)).astype(np.float32)
    planted = separability(x, x[:, 3] + 0.2 * random.normal(size=n), clusters, seed=0)
    noise = separability(x, random.normal(size=n), clusters, seed=0)
    assert planted.auroc.value > 0.95
    assert abs(noise.auroc.value - 0.5) < 0.1
    for result in (planted, noise):
        assert abs(np.mean(result.null) - 0.5) < 0.06


def test_what_only_marks_documents_does_not_separate():
    """Memorising documents is no help on other documents."""
    random = np.random.default_rng(0)
    n, clusters = 1_000, np.arange(1_000) // 50
    x = np.eye(20, dtype=np.float32)[clusters]
    values = random.normal(size=20)[clusters] + 0.01 * random.normal(size=n)
    assert separability(x, values, clusters, seed=0).auroc.value < 0.6


def test_kept_activations_belong_to_their_losses():
    losses = TokenLosses("one", seed=0, n_windows=6)
    activations = torch.arange(6 * 5, dtype=torch.float32).reshape(6, 5, 1)
    counts = torch.ones(6, 4, dtype=torch.bool)
    counts[1, 2:] = False
    for rows in (slice(0, 4), slice(4, 6)):
        difference = activations[rows, :-1, 0] + 0.5
        losses.add({"one": difference}, counts[rows], np.arange(6)[rows], activations[rows])
    np.testing.assert_allclose(losses.differences["one"][losses.chosen], losses.activations[:, 0] + 0.5)
    assert len(losses.clusters) == len(losses.differences["one"]) == 22
    assert (losses.clusters == losses.differences["one"] // 5).all()
