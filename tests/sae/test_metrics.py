from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sae
from sae import metrics

X = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
RECONSTRUCTION = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
FEATURES = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.5, 0.0]])


def test_numbers_by_hand():
    assert metrics.l0(FEATURES) == 1.5
    assert metrics.mse(X, RECONSTRUCTION) == (16 + 1) / 4
    spread = 2 * (1.5**2 + 1.0**2)  # the mean is (1.5, 3)
    assert metrics.fvu(X, RECONSTRUCTION) == pytest.approx(17 / spread)
    assert metrics.explained(X, RECONSTRUCTION) == pytest.approx(1 - 17 / spread)
    assert metrics.cosine(X, RECONSTRUCTION) == pytest.approx((0.6 + 1) / 2)
    assert metrics.l2_ratio(X, RECONSTRUCTION) == pytest.approx((0.6 + 0.5) / 2)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000))
def test_the_error_splits_into_direction_and_length(seed):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(8, 5, generator=random).double()
    reconstruction = (x + torch.randn(8, 5, generator=random)) * torch.rand(8, 1, generator=random)
    reconstruction[0] = 0
    c, r = metrics.row_cosine(x, reconstruction), metrics.row_l2_ratio(x, reconstruction)
    relative = (x - reconstruction).square().sum(1) / x.square().sum(1)
    torch.testing.assert_close(relative, (1 - c**2) + (r - c) ** 2, atol=1e-9, rtol=0)


def test_zero_inputs_have_no_direction():
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    reconstruction = torch.tensor([[1.0, 1.0], [0.5, 0.0]])
    assert metrics.row_cosine(x, reconstruction).isnan().tolist() == [True, False]
    assert metrics.cosine(x, reconstruction) == 1
    assert metrics.l2_ratio(x, reconstruction) == 0.5
    quality = metrics.Quality.of(x, reconstruction, torch.ones(2, 3))
    assert (quality.n, quality.n_nonzero, quality.cosine, quality.l2_ratio) == (2, 1, 1, 0.5)
    nothing = metrics.Quality.of(torch.zeros(2, 2), torch.zeros(2, 2), torch.zeros(2, 3))
    assert all(math.isnan(value) for value in (nothing.cosine, nothing.l2_ratio, nothing.fvu))


@settings(deadline=None, max_examples=40)
@given(cuts=st.lists(st.integers(1, 49), max_size=4), seed=st.integers(0, 100))
def test_a_stream_measures_like_one_batch(cuts, seed):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(50, 4, generator=random) + 3
    reconstruction = x + 0.3 * torch.randn(50, 4, generator=random)
    features = torch.relu(torch.randn(50, 9, generator=random))
    edges = [0, *sorted(set(cuts)), 50]
    parts = [metrics.Quality.of(x[a:b], reconstruction[a:b], features[a:b]) for a, b in itertools.pairwise(edges)]
    forwards, backwards = parts[0], parts[-1]
    for part in parts[1:]:
        forwards = forwards + part
    for part in reversed(parts[:-1]):
        backwards = backwards + part
    for quality in (forwards, backwards):
        assert quality.n == 50
        assert quality.l0 == pytest.approx(metrics.l0(features))
        assert quality.mse == pytest.approx(metrics.mse(x, reconstruction))
        assert quality.fvu == pytest.approx(metrics.fvu(x, reconstruction))
        assert quality.explained == pytest.approx(metrics.explained(x, reconstruction))
        assert quality.cosine == pytest.approx(metrics.cosine(x, reconstruction))
        assert quality.l2_ratio == pytest.approx(metrics.l2_ratio(x, reconstruction))


def test_an_sae_is_measured_over_batches(make_sae):
    model, x = make_sae(), torch.randn(20, 6)
    quality = metrics.evaluate(model, [x[:7], x[7:]])
    assert quality.fvu == pytest.approx(metrics.fvu(x, model(x)), rel=1e-6)
    assert quality.l0 == pytest.approx(metrics.l0(model.encode(x)))
    with pytest.raises(sae.SAEError, match="no batch"):
        metrics.evaluate(model, [])
