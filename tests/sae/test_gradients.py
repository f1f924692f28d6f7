from __future__ import annotations

import pytest
import torch

import sae
from sae.training import _gradients
from sae.training._gradients import dense_step, sparse_step
from sae.training._loss import loss_weights
from sae.training._weights import Weights, initial_weights, remove_parallel_, unit_rows_

D_IN, D_SAE, N = 6, 20, 33


def random_weights(bias=0.0):
    random = torch.Generator().manual_seed(1)
    shapes = [(D_SAE, D_IN), (D_SAE,), (D_SAE, D_IN), (D_IN,)]
    encoder, b_enc, decoder, b_dec = (torch.randn(shape, generator=random) for shape in shapes)
    return Weights(encoder, b_enc + bias, decoder, b_dec)


@pytest.mark.parametrize("compute", [dense_step, sparse_step])
@pytest.mark.parametrize("reduction", ["code", "paper", "sse"])
@pytest.mark.parametrize("bias", [0.0, -4.0, -100.0])  # many, few and no active features
@pytest.mark.parametrize("chunk_rows", [8, 256])
def test_gradients_are_autograds(monkeypatch, compute, reduction, bias, chunk_rows):
    monkeypatch.setattr(_gradients, "_chunk_rows", lambda *_: chunk_rows)
    weights = random_weights(bias)
    x = torch.randn(N, D_IN, generator=torch.Generator().manual_seed(2))
    model = weights.to_sae(sae.SAEConfig("standard", d_in=D_IN, d_sae=D_SAE)).requires_grad_()
    features = model.encode(x)
    loss = sae.sparsity_loss(x, model.decode(features), features, l1_coefficient=0.7, reduction=reduction)
    loss.backward()

    parts = loss_weights(reduction, 0.7, d_in=D_IN, d_sae=D_SAE)
    step = compute(x, weights, parts)
    expected = [model.W_enc.grad.T, model.b_enc.grad, model.W_dec.grad, model.b_dec.grad]
    for found, wanted in zip(step.gradients.tensors(), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
    total = (parts.error * step.squared_error + parts.l1 * step.feature_sum) / N
    torch.testing.assert_close(total, loss.detach())
    assert step.counts.tolist() == (features > 0).sum(dim=0).tolist()


def test_the_removed_part_was_parallel():
    decoder = random_weights().decoder
    unit_rows_(decoder)
    torch.testing.assert_close(decoder.norm(dim=1), torch.ones(D_SAE))
    before = torch.randn(D_SAE, D_IN, generator=torch.Generator().manual_seed(3))
    after = before.clone()
    remove_parallel_(after, decoder)
    assert (after * decoder).sum(dim=1).abs().max() < 1e-6
    along = before - after
    torch.testing.assert_close(along, (along * decoder).sum(dim=1, keepdim=True) * decoder)
    assert along.norm() > 1


def test_zero_rows_stay_zero():
    decoder = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    unit_rows_(decoder)
    torch.testing.assert_close(decoder, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


def test_the_first_reconstruction_has_the_length_of_its_input():
    weights = initial_weights(512, torch.zeros(32), seed=0)
    x = torch.randn(200, 32, generator=torch.Generator().manual_seed(0))
    ratio = weights.decode(weights.encode(x)).norm(dim=1) / x.norm(dim=1)
    assert 0.8 < ratio.mean() < 1.25
