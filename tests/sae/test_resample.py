from __future__ import annotations

import torch
from torch.optim import Adam

from sae.training._firing import FiringRecord
from sae.training._loss import LossWeights
from sae.training._resample import candidate_losses, draw_inputs, replant
from sae.training._weights import initial_weights


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_inputs_are_drawn_by_the_square_of_their_loss():
    x = torch.eye(4) + 1
    losses = torch.tensor([0.0, 1.0, 2.0, 3.0])
    random = generator()
    counts = torch.zeros(4)
    for _ in range(4000):
        counts += (draw_inputs(x, losses, torch.zeros(4), 1, random) == x[:, None]).all(dim=2).squeeze(1)
    torch.testing.assert_close(counts / 4000, torch.tensor([0.0, 1, 4, 9]) / 14, atol=0.03, rtol=0)


def test_inputs_are_drawn_once_each_and_never_outliers():
    x = torch.randn(50, 8, generator=generator())
    x[7] *= 1000
    b_dec = x[3].clone()
    losses = x.square().sum(dim=1)  # nearly all of the loss lies on the outlier
    drawn = draw_inputs(x, losses, b_dec, 100, generator())
    assert len(drawn) == 48
    assert len(drawn.unique(dim=0)) == 48
    for left_out in (x[7], b_dec):
        assert not (drawn == left_out).all(dim=1).any()
    assert len(draw_inputs(x, torch.zeros(50), b_dec, 5, generator())) == 0


def test_candidate_losses_are_the_loss_of_each_input():
    weights = initial_weights(20, torch.zeros(4), seed=0)
    x = torch.randn(10, 4, generator=generator())
    f = weights.encode(x)
    expected = 0.5 * (weights.decode(f) - x).square().sum(dim=1) + 0.1 * f.sum(dim=1)
    torch.testing.assert_close(candidate_losses(x, weights, LossWeights(0.5, 0.1), n_chunk=3), expected)


def test_replanting_points_at_the_inputs_and_adam_forgets():
    weights = initial_weights(10, torch.full((4,), 0.5), seed=0)
    optimizer = Adam(weights.tensors(), lr=1e-3, fused=True)
    for _ in range(2):
        for weight in weights.tensors():
            weight.grad = torch.ones_like(weight)
        optimizer.step()
    before = [weight.clone() for weight in weights.tensors()]
    features, dead = torch.tensor([2, 7]), torch.tensor([2, 7, 9])
    inputs = torch.randn(2, 4, generator=generator())
    replant(weights, optimizer, features=features, dead=dead, inputs=inputs, scale=0.2)

    directions = torch.nn.functional.normalize(inputs - weights.b_dec, dim=1)
    others = torch.tensor([0, 1, 3, 4, 5, 6, 8, 9])
    alive_norm = before[0][others[:-1]].norm(dim=1).mean()  # 9 is dead too, but kept
    torch.testing.assert_close(weights.decoder[features], directions)
    torch.testing.assert_close(weights.encoder[features], 0.2 * alive_norm * directions)
    assert weights.b_enc[features].tolist() == [0, 0]
    for weight, old in zip(weights.tensors()[:3], before, strict=False):
        assert torch.equal(weight[others], old[others])
        for moment in ("exp_avg", "exp_avg_sq"):
            assert optimizer.state[weight][moment][features].abs().max() == 0
            assert optimizer.state[weight][moment][others].abs().min() > 0
    assert optimizer.state[weights.b_dec]["exp_avg"].abs().min() > 0


def test_all_dead_still_replants():
    weights = initial_weights(3, torch.zeros(4), seed=0)
    optimizer = Adam(weights.tensors(), lr=1e-3)
    for weight in weights.tensors():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    everything = torch.arange(3)
    replant(weights, optimizer, features=everything, dead=everything, inputs=torch.eye(4)[:3], scale=0.2)
    assert bool(torch.isfinite(weights.encoder).all())
    assert weights.encoder.norm(dim=1).min() > 0


def test_a_feature_is_dead_after_a_window_without_firing():
    record = FiringRecord(3, window=10, device=torch.device("cpu"))
    record.record(1, torch.tensor([1.0, 0.0, 0.0]))
    assert record.dead(9).tolist() == []
    assert record.dead(10).tolist() == [1, 2]
    assert record.dead(11).tolist() == [0, 1, 2]
    record.mark_resampled(10, torch.tensor([1]))
    record.record(10, torch.tensor([0.0, 0.0, 2.0]))
    assert record.to_resample(11).tolist() == [0]  # 1 has a window to prove itself,
    assert record.dead(11).tolist() == [0, 1]  # but until then it is still dead
    assert record.to_resample(20).tolist() == [0, 1, 2]
