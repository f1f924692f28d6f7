from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sae
from sae.penalties import parse_penalty
from sae.training._batch import Batch
from sae.training._loss import loss_weights, row_losses
from sae.training._weights import initial_weights
from sae.training.steps import Objective, relu_dense_step


def batch(seed, n=7, d_in=5, d_sae=12):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d_in, generator=random)
    return x, x + torch.randn(n, d_in, generator=random), torch.relu(torch.randn(n, d_sae, generator=random))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 100), l1_coefficient=st.floats(0, 100))
def test_the_reductions_are_one_loss_in_three_units(seed, l1_coefficient):
    parts = batch(seed)
    code = sae.sparsity_loss(*parts, l1_coefficient=l1_coefficient, reduction="code")
    assert torch.equal(code, sae.sparsity_loss(*parts, l1_coefficient=l1_coefficient / 12, reduction="paper"))
    sse = sae.sparsity_loss(*parts, l1_coefficient=l1_coefficient, reduction="sse")
    paper = sae.sparsity_loss(*parts, l1_coefficient=l1_coefficient / 5, reduction="paper")
    torch.testing.assert_close(sse, 5 * paper)


def test_each_reduction_is_the_mean_it_says():
    x, reconstruction, f = batch(0)
    error = (x - reconstruction).square()
    expected = {
        "code": error.mean() + 0.3 * f.mean(),
        "paper": error.mean() + 0.3 * f.sum(dim=1).mean(),
        "sse": error.sum(dim=1).mean() + 0.3 * f.sum(dim=1).mean(),
    }
    for reduction, value in expected.items():
        found = sae.sparsity_loss(x, reconstruction, f, l1_coefficient=0.3, reduction=reduction)
        torch.testing.assert_close(found, value)
    with pytest.raises(sae.SAEError, match="code, paper, sse, found 'mean'"):
        sae.sparsity_loss(x, reconstruction, f, l1_coefficient=0.3, reduction="mean")


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 100), l1_coefficient=st.floats(0, 10))
def test_training_with_code_is_training_with_paper_at_lambda_over_m(seed, l1_coefficient):
    x = torch.randn(9, 5, generator=torch.Generator().manual_seed(seed))
    weights = initial_weights(12, x.mean(dim=0), seed)
    code, paper = (
        relu_dense_step(Batch(x), weights, Objective(loss=loss_weights(reduction, coefficient, d_in=5, d_sae=12)))
        for reduction, coefficient in (("code", l1_coefficient), ("paper", l1_coefficient / 12))
    )
    for name, gradient in code.gradients.items():
        assert torch.equal(gradient, paper.gradients[name])


def test_another_penalty_takes_the_place_of_the_features():
    x, reconstruction, f = batch(0)
    weights = loss_weights("sse", 0.3, d_in=5, d_sae=12, penalty=parse_penalty("sqrt"))
    expected = (x - reconstruction).square().sum(dim=1) + 0.3 * f.sqrt().sum(dim=1)
    torch.testing.assert_close(row_losses(x, reconstruction, f, weights), expected)
