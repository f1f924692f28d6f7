"""What resampling does to a training: dead features revive, and first tokens take over without the guard."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import normalize
from torch.optim import Adam

import sae
from sae.training import Trainer
from sae.training._batch import Batch
from sae.training._candidates import candidate_losses
from sae.training._firing import FiringRecord
from sae.training._loss import LossWeights
from sae.training._resample import (
    RESAMPLING,
    moment_rows,
    resample,
)
from sae.training._weights import Weights, initial_weights
from sae.training.steps import Objective

MODES = sorted(RESAMPLING)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pairwise_cosines(decoder):
    directions = normalize(decoder, dim=1)
    return (directions @ directions.T)[~torch.eye(len(decoder), dtype=torch.bool)]


@pytest.mark.parametrize("mode", MODES)
def test_without_the_guard_massive_activations_become_every_resampled_feature(mode):
    first_token = normalize(torch.randn(16, generator=generator(1)), dim=0)
    x = torch.randn(2000, 16, generator=generator())
    x[::50] += 1000 * first_token  # 40 of them: the first token of every document
    batch = Batch(x[32:64] if mode == "code" else x)  # the current batch, with one of them
    assert int((batch.x.norm(dim=1) > 500).sum()) == (1 if mode == "code" else 40)
    dead = torch.arange(20)

    def resampled(*, guard):
        weights = initial_weights(40, torch.zeros(16), seed=0)
        settings = replace(RESAMPLING[mode], guard_outliers=guard)
        losses = candidate_losses(batch, weights, Objective(loss=LossWeights(1.0, 0.0)))
        given = {"features": dead, "dead": dead, "candidates": batch, "losses": losses, "settings": settings}
        assert torch.equal(resample(weights, [], generator=generator(), **given), dead)
        return weights.decoder[dead]

    collapsed = resampled(guard=False)
    assert pairwise_cosines(collapsed).min() > 0.99
    assert (collapsed @ first_token).min() > 0.99
    diverse = resampled(guard=True)
    assert pairwise_cosines(diverse).abs().median() < 0.5
    assert (diverse @ first_token).max() < 0.9


def train(weights, x, *, settings, n_steps=300):
    """Minimise squared error plus L1; give the optimizer and what fired in the last tenth of the steps."""
    optimizer = Adam(weights.tensors(), lr=3e-3)
    record = FiringRecord(len(weights.encoder), window=50, device=x.device)
    random = generator()
    for step in range(1, n_steps + 1):
        batch = x[torch.randint(len(x), (128,), generator=random)]
        leaves = Weights(*(weight.detach().requires_grad_() for weight in weights.tensors()))
        features = leaves.encode(batch)
        loss = (leaves.decode(features) - batch).square().sum() + 0.2 * features.sum()
        for weight, gradient in zip(weights.tensors(), torch.autograd.grad(loss / 128, leaves.tensors()), strict=True):
            weight.grad = gradient
        optimizer.step()
        weights.decoder.copy_(normalize(weights.decoder, dim=1))
        record.record(step, (features > 0).sum(dim=0))
        if settings is not None and settings.at(step, n_steps):
            losses = candidate_losses(Batch(batch), weights, Objective(loss=LossWeights(1.0, 0.2)))
            wanted, dead = record.to_resample(step), record.dead(step)
            given = {
                "features": wanted,
                "dead": dead,
                "candidates": Batch(batch),
                "losses": losses,
                "settings": settings,
            }
            moments = moment_rows(optimizer, weights.of_features())
            record.mark_resampled(step, resample(weights, moments, generator=random, **given))
    return optimizer, ~torch.isin(torch.arange(len(weights.encoder)), record.dead(n_steps))


def with_planted_dead(planted):
    weights = initial_weights(32, torch.zeros(16), seed=0)
    weights.b_enc[planted] = -1e4
    return weights


@pytest.mark.parametrize("mode", [None, *MODES])
def test_planted_dead_features_revive_in_every_mode_and_never_by_themselves(mode, dictionary_data):
    x, planted = dictionary_data(4000)[1], list(range(8))
    settings = None if mode is None else replace(RESAMPLING[mode], schedule=(100, 200), until=1.0)
    _, alive = train(with_planted_dead(planted), x, settings=settings)
    if mode is None:
        assert not alive[planted].any()
    else:
        assert alive[planted].sum() >= 6


def test_the_loss_jumps_higher_the_larger_the_scale(dictionary_data):
    x, planted = dictionary_data(4000)[1], torch.arange(8)
    weights = with_planted_dead(planted)
    train(weights, x, settings=None, n_steps=600)
    loss = Objective(loss=LossWeights(1.0, 0.2))
    losses = candidate_losses(Batch(x), weights, loss)
    jumps = []
    for scale in (1.0, 0.2, 0.05):
        copy = Weights(*(weight.clone() for weight in weights.tensors()))
        settings = replace(RESAMPLING["code"], encoder_scale=scale)
        given = {"features": planted, "dead": planted, "candidates": Batch(x), "losses": losses, "settings": settings}
        resample(copy, [], generator=generator(), **given)
        jumps.append(float(candidate_losses(Batch(x), copy, loss).mean() - losses.mean()))
    assert jumps[0] > jumps[1] > jumps[2]
    assert jumps[0] > losses.mean()  # a resampled feature as strong as the others more than doubles the loss


@pytest.mark.parametrize("mode", MODES)
def test_a_training_collapses_onto_the_first_token_unless_it_is_guarded(mode, dictionary_data):
    x = dictionary_data(64 * 60)[1]
    first_token = normalize(torch.randn(16, generator=generator(1)), dim=0)
    x[::40] += 300 * first_token
    config = sae.TrainConfig(
        n_tokens=len(x),
        d_sae=48,
        batch_size=64,
        l1_coefficient=0.2,
        lr=1e-4,
        normalise="none",
        b_dec_init="zero",
        resample_mode=mode,
        resample_every=40,
        resample_dead_window=40,
    )
    near = []
    for guard in (False, True):
        trainer = Trainer(replace(config, resample_guard=guard), x[:500])
        trainer.weights.b_enc[:20] = -1e4
        for batch in x.split(64):
            trainer.step(batch)
        near.append(int((normalize(trainer.weights.decoder[:20], dim=1) @ first_token > 0.99).sum()))
    assert near[0] >= 18
    assert near[1] == 0
