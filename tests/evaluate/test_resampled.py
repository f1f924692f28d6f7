"""Bootstrap draws of token means."""

import numpy as np
import torch

from autointerp.evaluate import TokenMeans


def filled(values, clusters):
    means = TokenMeans()
    values = torch.as_tensor(values, dtype=torch.float64)
    means.add("a", values, torch.ones_like(values, dtype=torch.bool), np.asarray(clusters))
    return means


def test_the_draws_of_constant_values_are_constant():
    draws = filled([[2.0, 2.0], [2.0, 2.0]], [0, 1]).resampled(20, seed=0)
    assert {draw["a"] for draw in draws} <= {2.0}
    assert draws


def test_the_spread_of_draws_is_the_standard_error():
    rng = np.random.default_rng(0)
    means = filled(rng.normal(size=(100, 8)), np.arange(100))
    drawn = [draw["a"] for draw in means.resampled(2000, seed=1)]
    error = means.mean("a").standard_error
    assert abs(np.std(drawn) / error - 1) < 0.1
    assert abs(np.mean(drawn) - means.mean("a").value) < 0.2 * error


def test_draws_repeat_with_their_seed():
    means = filled([[1.0], [5.0]], [3, 4])
    assert means.resampled(5, seed=7) == means.resampled(5, seed=7)
    assert means.resampled(50, seed=7) != means.resampled(50, seed=8)
