"""Means over tokens with the jackknife over documents; statistics over features with the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autointerp.errors import UsageError
from autointerp.evaluate import TokenMeans, over_features


def filled(values: np.ndarray, clusters: np.ndarray, name: str = "x", into: TokenMeans | None = None) -> TokenMeans:
    means = into or TokenMeans()
    means.add(name, torch.from_numpy(values), torch.ones(values.shape, dtype=torch.bool), clusters)
    return means


def test_the_error_of_a_mean_is_the_textbooks_over_equal_groups() -> None:
    values = np.random.default_rng(0).normal(size=(40, 7))
    estimate = filled(values, np.arange(40)).mean("x")
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.standard_error == pytest.approx(values.mean(axis=1).std(ddof=1) / np.sqrt(40))
    assert estimate.n == 280


def test_tokens_of_one_document_are_no_independent_draws() -> None:
    by_document = np.random.default_rng(1).normal(size=(30, 1))
    copies = np.repeat(by_document, 50, axis=1)
    together = filled(copies, np.arange(30)).mean("x").standard_error
    assert together == pytest.approx(by_document.std(ddof=1) / np.sqrt(30))
    assert together > 5 * copies.std() / np.sqrt(copies.size)


def test_the_error_of_a_ratio_is_the_delta_methods() -> None:
    random = np.random.default_rng(2)
    below = random.uniform(1, 2, size=(100, 20))
    above = 3 * below + random.normal(size=below.shape)
    means = filled(above, np.arange(100), "above", filled(below, np.arange(100), "below"))
    ratio = means.of(lambda m: m["above"] / m["below"], rests_on="below")
    residuals = (above - ratio.value * below).mean(axis=1) / below.mean()
    assert ratio.value == pytest.approx(above.mean() / below.mean())
    assert ratio.standard_error == pytest.approx(residuals.std(ddof=1) / 10, rel=0.05)


@given(st.lists(st.integers(1, 39), max_size=4, unique=True))
def test_the_order_and_size_of_batches_change_nothing(cuts: list[int]) -> None:
    values, clusters = np.random.default_rng(3).normal(size=(40, 5)), np.arange(40) // 2
    whole, parts = filled(values, clusters).mean("x"), TokenMeans()
    for rows in reversed(np.split(np.arange(40), sorted(cuts))):
        filled(values[rows], clusters[rows], into=parts)
    assert parts.mean("x").value == pytest.approx(whole.value)
    assert parts.mean("x").standard_error == pytest.approx(whole.standard_error)


def test_what_is_not_kept_counts_for_nothing_even_if_it_is_no_number() -> None:
    values = torch.tensor([[1.0, torch.nan], [3.0, 100.0]])
    means = TokenMeans()
    means.add("x", values, torch.tensor([[True, False], [True, False]]), np.array([0, 1]))
    estimate = means.mean("x")
    assert (estimate.value, estimate.n) == (2.0, 2)


def test_one_document_has_no_error_and_no_token_is_refused() -> None:
    assert np.isnan(filled(np.ones((3, 2)), np.zeros(3, np.int64)).mean("x").standard_error)
    with pytest.raises(UsageError, match="no token"):
        TokenMeans().mean("x")
    empty = TokenMeans()
    empty.add("x", torch.ones(1, 2), torch.zeros(1, 2, dtype=torch.bool), np.array([0]))
    with pytest.raises(UsageError, match="no token"):
        empty.mean("x")


def test_the_error_over_features_is_that_of_a_proportion() -> None:
    flags = np.arange(400) < 100
    share = over_features(flags, n_tokens=5, seed=0)
    assert (share.value, share.n) == (0.25, 5)
    assert share.standard_error == pytest.approx(np.sqrt(0.25 * 0.75 / 400), rel=0.15)
    assert over_features(flags, n_tokens=5, seed=0) == share


def test_features_without_a_value_are_left_out() -> None:
    estimate = over_features([np.nan, 1.0, 3.0], lambda kept: float(np.median(kept)), n_tokens=1, seed=0)
    assert estimate.value == 2.0
    assert np.isnan(over_features([np.nan], n_tokens=1, seed=0).value)
