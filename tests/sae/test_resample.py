from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import normalize
from torch.optim import Adam

import sae
from sae.training._batch import Batch
from sae.training._candidates import candidate_losses
from sae.training._loss import LossWeights
from sae.training._resample import (
    RESAMPLING,
    Resampling,
    draw_inputs,
    moment_rows,
    replant,
    resample,
)
from sae.training._weights import Weights, initial_weights
from sae.training.steps import Objective

DEFAULT = RESAMPLING["default"]
MODES = sorted(RESAMPLING)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def stepped_adam(weights):
    """Adam after two steps, so that it remembers something of everything."""
    optimizer = Adam(weights.tensors(), lr=1e-3, fused=True)
    for _ in range(2):
        for weight in weights.tensors():
            weight.grad = torch.ones_like(weight)
        optimizer.step()
    return optimizer


def test_the_modes_are_the_published_ones():
    blog, code, bricken = (RESAMPLING[name] for name in ("blog", "code", "bricken"))
    assert (blog.schedule, code.schedule) == (25_000, 25_000)
    assert bricken.schedule == (25_000, 50_000, 75_000, 100_000)
    assert (blog.window, code.window, bricken.window) == (None, 25_000, 12_500)
    assert (code.n_candidates, bricken.n_candidates) == (None, 819_200)
    assert (blog.loss_power, code.loss_power, bricken.loss_power) == (1, 1, 2)
    assert (blog.loss, code.loss, bricken.loss) == ("total", "squared_error", "total")
    assert [mode.subtract_b_dec for mode in (blog, code, bricken)] == [False, True, False]
    assert [mode.encoder_scale for mode in (blog, code, bricken)] == [1, 0.05, 0.2]
    assert [mode.encoder_scale_of for mode in (blog, code, bricken)] == ["one", "alive", "alive"]
    assert [mode.b_enc for mode in (blog, code, bricken)] == ["negative", "random_negative", "zero"]
    assert all(mode.reset_optimizer for mode in RESAMPLING.values())
    assert [name for name in MODES if RESAMPLING[name].guard_outliers] == ["default"]


def test_the_schedule():
    every, fixed = Resampling(schedule=10, until=0.8), Resampling(schedule=(10, 25))
    assert [step for step in range(1, 101) if every.at(step, 100)] == [10, 20, 30, 40, 50, 60, 70, 80]
    assert [step for step in range(1, 101) if fixed.at(step, 100)] == [10, 25]
    assert [Resampling(n_candidates=n).n_batches(32) for n in (None, 1, 32, 33)] == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": 0}, "schedule of a resampling must be at least 1, found 0"),
        ({"schedule": (5, 0)}, "schedule of a resampling must be at least 1"),
        ({"window": 0}, "window of"),
        ({"n_candidates": 0}, "n_candidates of"),
        ({"until": 0.0}, "until of a resampling must be above 0"),
        ({"loss_power": 0.0}, "loss_power of"),
        ({"encoder_scale": float("nan")}, "encoder_scale of"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(sae.SAEError, match=message):
        Resampling(**settings)


@pytest.mark.parametrize("power", [1, 2])
def test_inputs_are_drawn_by_a_power_of_their_loss(power):
    x = torch.eye(4) + 1
    losses = torch.tensor([0.0, 1.0, 2.0, 3.0])
    settings = replace(DEFAULT, loss_power=power, replacement=True)
    drawn = draw_inputs(Batch(x), losses, torch.zeros(4), 4000, generator(), settings=settings).x
    shares = (drawn[:, None] == x).all(dim=2).double().mean(dim=0)
    expected = losses.double() ** power
    torch.testing.assert_close(shares, expected / expected.sum(), atol=0.03, rtol=0)


def test_inputs_are_drawn_once_each_and_never_outliers():
    x = torch.randn(50, 8, generator=generator())
    x[7] *= 1000
    b_dec = x[3].clone()
    losses = x.square().sum(dim=1)  # nearly all of the loss lies on the outlier
    drawn = draw_inputs(Batch(x), losses, b_dec, 100, generator()).x
    assert len(drawn) == 48
    assert len(drawn.unique(dim=0)) == 48
    for left_out in (x[7], b_dec):
        assert not (drawn == left_out).all(dim=1).any()
    assert len(draw_inputs(Batch(x), torch.zeros(50), b_dec, 5, generator())) == 0


def test_candidate_losses_are_the_loss_of_each_input():
    weights = initial_weights(20, torch.zeros(4), seed=0)
    x = torch.randn(10, 4, generator=generator())
    f = weights.encode(x)
    expected = 0.5 * (weights.decode(f) - x).square().sum(dim=1) + 0.1 * f.sum(dim=1)
    torch.testing.assert_close(
        candidate_losses(Batch(x), weights, Objective(loss=LossWeights(0.5, 0.1)), n_chunk=3), expected
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("architecture", ["standard", "gated", "jumprelu"])
def test_replanting_points_at_the_inputs_and_adam_forgets(mode, architecture):
    settings = RESAMPLING[mode]
    weights = initial_weights(10, torch.full((4,), 0.5), seed=0, architecture=architecture, threshold=7.0)
    weights.encoder.mul_(torch.arange(1, 11)[:, None])
    optimizer = stepped_adam(weights)
    before = [weight.clone() for weight in weights.tensors()]
    features, dead = torch.tensor([2, 7]), torch.tensor([2, 7, 9])
    inputs = torch.randn(2, 4, generator=generator())
    moments = moment_rows(optimizer, weights.of_features())
    replant(
        weights, moments, features=features, dead=dead, inputs=Batch(inputs), settings=settings, generator=generator()
    )

    directions = normalize(inputs - weights.b_dec if mode in {"code", "default"} else inputs, dim=1)
    others = torch.tensor([0, 1, 3, 4, 5, 6, 8, 9])
    alive_norm = before[0][others[:-1]].norm(dim=1).mean()  # 9 is dead too, but kept
    norm = {"default": 0.2 * alive_norm, "bricken": 0.2 * alive_norm, "code": 0.05 * alive_norm, "blog": 1.0}[mode]
    torch.testing.assert_close(weights.decoder[features], directions)
    torch.testing.assert_close(weights.encoder[features], norm * directions)
    lowest, highest = {"code": (-0.01, 0), "blog": (-0.01, -0.01)}.get(mode, (0, 0))
    assert ((weights.b_enc[features] >= lowest - 1e-9) & (weights.b_enc[features] <= highest + 1e-9)).all()
    assert (mode == "code") == (len(weights.b_enc[features].unique()) == 2)
    if architecture == "gated":
        assert torch.equal(weights.b_mag[features], weights.b_enc[features])
        assert weights.r_mag[features].abs().max() == 0
    if architecture == "jumprelu":
        assert weights.threshold[features].tolist() == pytest.approx([0.1, 0.1])
    for weight, old in zip(weights.tensors(), before, strict=True):
        if weight.ndim == 2 or len(weight) == 10:
            assert torch.equal(weight[others], old[others])
            for moment in ("exp_avg", "exp_avg_sq"):
                assert optimizer.state[weight][moment][features].abs().max() == 0
                assert optimizer.state[weight][moment][others].abs().min() > 0
    assert optimizer.state[weights.b_dec]["exp_avg"].abs().min() > 0


@pytest.mark.parametrize("mode", MODES)
def test_a_target_of_its_own_is_where_the_decoder_points(mode):
    x = torch.randn(60, 4, generator=generator(1)) + 20  # far from the origin, which an encoder that reads x sees
    targets = torch.randn(60, 4, generator=generator(2))
    weights = initial_weights(10, torch.full((4,), 0.5), seed=0, centre=torch.full((4,), 20.0))
    losses = torch.zeros(60)
    losses[[3, 8]] = torch.tensor([1.0, 2.0])
    everything = {"candidates": Batch(x, targets), "losses": losses, "settings": RESAMPLING[mode]}
    two = torch.tensor([2, 7])
    assert torch.equal(resample(weights, [], features=two, dead=two, generator=generator(), **everything), two)
    shift = weights.b_dec if mode in {"code", "default"} else 0
    encoder, middle = weights.encoder[two], sae.geometric_median(x)
    near = (normalize(targets[[3, 8]] - shift, dim=1) @ weights.decoder[two].T).argmax(dim=0)
    own, own_target = x[[3, 8]][near], targets[[3, 8]][near]
    torch.testing.assert_close(weights.decoder[two], normalize(own_target - shift, dim=1))
    seen = own - middle if mode in {"code", "default"} else own
    torch.testing.assert_close(normalize(encoder, dim=1), normalize(seen, dim=1), rtol=1e-3, atol=1e-3)
    at_middle = encoder @ middle + weights.b_enc[two]
    assert ((at_middle > -0.011) & (at_middle < 1e-4)).all()


def test_neither_outlying_targets_nor_targets_without_direction_are_drawn():
    x, b_dec = torch.randn(50, 8, generator=generator()), torch.ones(8)
    targets = torch.randn(50, 8, generator=generator(1))
    targets[7] *= 1000
    targets[3] = b_dec
    x[5] *= 1000
    drawn = draw_inputs(Batch(x, targets), torch.ones(50), b_dec, 100, generator(), centre=torch.zeros(8))
    assert len(drawn) == 47
    for left_out in (3, 5, 7):
        assert not (drawn.x == x[left_out]).all(dim=1).any()
        assert not (drawn.target == targets[left_out]).all(dim=1).any()


@pytest.mark.parametrize("architecture", ["gated", "jumprelu", "topk", "batchtopk"])
def test_candidate_losses_are_those_of_the_architectures_own_features(architecture):
    weights = initial_weights(20, torch.zeros(4), seed=0, architecture=architecture, threshold=0.3)
    k = 3 if architecture == "topk" else None
    if architecture == "gated":
        weights.r_mag[:] = torch.linspace(-0.5, 0.5, 20)
        weights.b_mag[:] = torch.linspace(-0.1, 0.1, 20)
    x = torch.randn(10, 4, generator=generator())
    if architecture == "batchtopk":  # its first six inputs, and then its last four, are a batch
        pre = weights.encode(x)
        f = torch.cat([rows * (rows >= rows.flatten().topk(3 * len(rows)).values[-1]) for rows in pre.split(6)])
    else:
        f = weights.to_sae(sae.SAEConfig(architecture, d_in=4, d_sae=20, k=k)).encode(x)
    penalised = {"gated": weights.encode(x), "jumprelu": (f > 0).float()}.get(architecture, torch.zeros(10, 20))
    expected = 0.5 * (weights.decode(f) - x).square().sum(dim=1) + 0.1 * penalised.sum(dim=1)
    weight = 0.0 if "topk" in architecture else 0.1
    goal = Objective(
        loss=LossWeights(0.5, weight), architecture=architecture, k=3, counts_features=architecture == "jumprelu"
    )
    torch.testing.assert_close(candidate_losses(Batch(x), weights, goal, n_chunk=6), expected)
    if architecture == "jumprelu":
        goal = replace(goal, l0_target=2.0)
        expected = expected - 0.1 * penalised.sum(dim=1) + 0.1 * (penalised.sum(dim=1) / 2 - 1).square()
        torch.testing.assert_close(candidate_losses(Batch(x), weights, goal), expected)


def test_candidates_with_targets_are_measured_against_them():
    weights = initial_weights(20, torch.zeros(4), seed=0, centre=torch.ones(4))
    x, targets = torch.randn(2, 10, 4, generator=generator())
    f = torch.relu(x @ weights.encoder.T + weights.b_enc)
    expected = 0.5 * (f @ weights.decoder - targets).square().sum(dim=1) + 0.1 * f.sum(dim=1)
    torch.testing.assert_close(
        candidate_losses(Batch(x, targets), weights, Objective(loss=LossWeights(0.5, 0.1))), expected
    )


def test_adam_may_be_left_alone():
    weights = initial_weights(10, torch.zeros(4), seed=0)
    optimizer = stepped_adam(weights)
    both = torch.tensor([2, 7])
    replant(
        weights,
        moment_rows(optimizer, weights.of_features()),
        features=both,
        dead=both,
        inputs=Batch(torch.eye(4)[:2]),
        settings=replace(DEFAULT, reset_optimizer=False),
        generator=generator(),
    )
    assert len(moment_rows(optimizer, weights.of_features())) == 6
    for moment in moment_rows(optimizer, weights.of_features()):
        assert moment.abs().min() > 0
    assert moment_rows(Adam(weights.tensors()), weights.of_features()) == []  # before its first step


def test_all_dead_still_resamples_and_a_tied_encoder_gets_unit_rows():
    weights = initial_weights(3, torch.zeros(4), seed=0)
    tied = Weights(weights.decoder, weights.b_enc, weights.decoder, weights.b_dec)
    everything = torch.arange(3)
    for one in (weights, tied):
        done = resample(
            one,
            [],
            features=everything,
            dead=everything,
            candidates=Batch(torch.eye(4)),
            losses=torch.ones(4),
            settings=DEFAULT,
            generator=generator(),
        )
        assert torch.equal(done, everything)
        assert bool(torch.isfinite(one.encoder).all())
        assert one.encoder.norm(dim=1).min() > 0
    torch.testing.assert_close(tied.encoder.norm(dim=1), torch.ones(3))


def test_fewer_candidates_than_dead_features():
    def count(**changes):
        weights = initial_weights(10, torch.zeros(4), seed=0)
        settings, losses = replace(DEFAULT, **changes), torch.tensor([1.0, 1.0, 0.0])
        five = torch.arange(5)
        candidates = Batch(torch.eye(4)[:3])
        given = {"features": five, "dead": five, "candidates": candidates, "losses": losses, "settings": settings}
        return resample(weights, [], generator=generator(), **given).tolist()

    assert count() == [0, 1]
    assert count(replacement=True) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("replacement", [False, True])
def test_nothing_to_draw(replacement):
    settings, x = replace(DEFAULT, replacement=replacement), Batch(torch.eye(4))
    assert len(draw_inputs(x, torch.ones(4), torch.zeros(4), 0, generator(), settings=settings)) == 0
    assert len(draw_inputs(x, torch.zeros(4), torch.zeros(4), 3, generator(), settings=settings)) == 0
