from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

import sae
from sae.penalties import ORTHOGONALITY_KINDS, decoder_orthogonality

kinds = pytest.mark.parametrize("kind", ORTHOGONALITY_KINDS)


def rows(seed, d_sae=13, d_in=5):
    return torch.randn(d_sae, d_in, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def dense(W_dec, kind):
    unit = W_dec / W_dec.norm(dim=1, keepdim=True)
    others = ~torch.eye(len(W_dec), dtype=torch.bool)
    cosines = (unit @ unit.T).abs()
    nearest = (cosines * others).amax(dim=1)
    return {"mean": cosines[others].mean(), "mean_max": nearest.mean(), "max": nearest.max()}[kind]


@kinds
@pytest.mark.parametrize("chunk", [1, 4, 13, 1024])
def test_value_and_gradient_are_those_of_the_dense_formula(kind, chunk):
    W_dec = rows(0).requires_grad_()
    found, expected = decoder_orthogonality(W_dec, kind, chunk=chunk), dense(W_dec, kind)
    torch.testing.assert_close(found, expected)
    gradient = torch.autograd.grad(found, W_dec)[0]
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, W_dec)[0])
    torch.testing.assert_close((gradient * W_dec).sum(dim=1), torch.zeros(13, dtype=torch.float64))


@kinds
@given(seed=st.integers(0, 50), chunk=st.integers(1, 20))
@settings(deadline=None, max_examples=20)
def test_order_sign_and_length_of_rows_do_not_matter(kind, seed, chunk):
    W_dec = rows(seed)
    random = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, (13, 1), generator=random) * 2 - 1
    other = (W_dec * signs * (0.1 + torch.rand(13, 1, generator=random)))[torch.randperm(13, generator=random)]
    torch.testing.assert_close(
        decoder_orthogonality(other, kind, chunk=chunk), decoder_orthogonality(W_dec, kind), rtol=1e-9, atol=1e-9
    )


@kinds
@pytest.mark.parametrize("seed", range(3))
def test_steps_down_take_neighbours_apart(kind, seed):
    start = normalize(rows(seed, d_sae=24, d_in=12), dim=1)
    W_dec = start
    for _ in range(20):
        leaf = W_dec.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(decoder_orthogonality(leaf, kind, chunk=10), leaf)
        W_dec = normalize(W_dec - 0.02 * gradient / gradient.norm(), dim=1)
    assert dense(W_dec, kind) < dense(start, kind)
    assert dense(W_dec, "mean_max") < dense(start, "mean_max")


@kinds
def test_the_ends_of_the_scale(kind):
    assert decoder_orthogonality(torch.eye(6), kind) == 0
    assert decoder_orthogonality(torch.tensor([[1.0, 0.0], [-2.0, 0.0]]), kind) == 1


@kinds
def test_zero_rows_and_copies_have_finite_gradients(kind):
    W_dec = torch.cat([torch.zeros(2, 4), torch.eye(4), torch.eye(4)[:2]]).requires_grad_()
    (gradient,) = torch.autograd.grad(decoder_orthogonality(W_dec, kind, chunk=3), W_dec)
    assert (gradient == 0).all()  # cosines of 0 and of 1 are stationary


def learn(seed, weight):
    """Train three features on inputs a, b and a + b with an L1 penalty: (largest cosine, share of error left)."""
    x = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0]])
    random = torch.Generator().manual_seed(seed)
    W_dec = torch.randn(3, 4, generator=random).requires_grad_()
    codes = (0.5 + 0.5 * torch.rand(3, 3, generator=random)).requires_grad_()
    optimizer = torch.optim.Adam([W_dec, codes], lr=0.03)
    for _ in range(300):
        f, unit = codes.relu(), normalize(W_dec, dim=1)
        loss = (f @ unit - x).square().sum() + 0.1 * f.sum() + weight * decoder_orthogonality(W_dec, "mean_max")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    error = (codes.relu() @ normalize(W_dec, dim=1) - x).square().sum() / x.square().sum()
    return float(decoder_orthogonality(W_dec, "max").detach()), float(error.detach())


@pytest.mark.parametrize("seed", [3, 4])
def test_the_feature_for_both_of_two_things_does_not_grow(seed):
    nearest, error = learn(seed, weight=0.0)
    assert nearest > 0.5  # one feature for "a and b" costs less L1 than a and b
    assert error < 0.02
    nearest, error = learn(seed, weight=0.5)
    assert nearest < 0.1
    assert error < 0.02


@pytest.mark.parametrize(
    ("shape", "settings", "message"),
    [
        ((3, 2), {"kind": "median"}, "kind must be one of mean, mean_max, max, found 'median'"),
        ((1, 2), {}, r"found \[1, 2\]"),
        ((3,), {}, r"found \[3\]"),
        ((3, 2), {"chunk": 0}, "chunk=0"),
    ],
)
def test_what_can_not_be_measured_is_refused(shape, settings, message):
    with pytest.raises(sae.SAEError, match=message):
        decoder_orthogonality(torch.ones(shape), **{"kind": "mean", **settings})
