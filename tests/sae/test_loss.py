from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sae


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
