from __future__ import annotations

import dataclasses

import pytest
import torch

import sae
from sae.penalties import FrequencyPenalty, parse_penalty
from sae.training._batch import Batch
from sae.training._loss import loss_weights
from sae.training._weights import Weights, initial_weights, remove_parallel_, unit_rows_
from sae.training.steps import (
    STEPS,
    Objective,
    _autograd,
    _pairs,
    autograd_step,
    relu_dense_step,
    relu_sparse_step,
    stored,
)

D_IN, D_SAE, N = 6, 20, 33


def random_weights(bias=0.0, architecture="standard"):
    random = torch.Generator().manual_seed(1)
    shapes = [(D_SAE, D_IN), (D_SAE,), (D_SAE, D_IN), (D_IN,), (D_SAE,), (D_SAE,)]
    encoder, b_enc, decoder, b_dec, more, most = (torch.randn(shape, generator=random) for shape in shapes)
    b_enc += bias
    if architecture == "tied":
        return Weights(encoder, b_enc, encoder, b_dec)
    if architecture == "jumprelu":
        return Weights(encoder, b_enc, decoder, b_dec, threshold=more.abs())
    if architecture == "gated":
        return Weights(encoder, b_enc, decoder, b_dec, r_mag=0.3 * more, b_mag=0.3 * most)
    return Weights(encoder, b_enc, decoder, b_dec)


def inputs(n=N):
    return torch.randn(n, D_IN, generator=torch.Generator().manual_seed(2))


def with_targets(x):
    """Inputs whose targets are others."""
    return Batch(x, 2 * torch.randn(x.shape, generator=torch.Generator().manual_seed(3)) + 1)


def objective(architecture, penalty="l1", reduction="sse", coefficient=0.7, times_norm=False, **changes):
    counts = penalty == "step"
    parsed = None if penalty in {"l1", "step"} else parse_penalty(penalty)
    coefficient = 0.0 if architecture in {"topk", "batchtopk", "matryoshka"} else coefficient
    return Objective(
        loss=loss_weights(reduction, coefficient, d_in=D_IN, d_sae=D_SAE, penalty=parsed, times_norm=times_norm),
        architecture=architecture,
        counts_features=counts,
        **{"k": 4, "bandwidth": 0.8, "widths": (5, 8, D_SAE) if architecture == "matryoshka" else (D_SAE,), **changes},
    )


def assert_same(found, expected, goal):
    assert list(found.gradients) == list(expected.gradients)
    for name, gradient in expected.gradients.items():
        torch.testing.assert_close(stored(found.gradients[name]), gradient, rtol=1e-5, atol=1e-5)
    for name in ("error", "squared_error", "counts"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=1e-5, atol=1e-5)
    weight = goal.loss.l1
    torch.testing.assert_close(weight * found.penalty, weight * expected.penalty, rtol=1e-5, atol=1e-5)
    other = torch.zeros(()) if found.other_error is None else found.other_error
    torch.testing.assert_close(other, expected.other_error, rtol=1e-5, atol=1e-5)


PENALTIES = ["l1", "sqrt", "tanh:1", "log:0.1", "offset_sqrt:0.1", "l0:0.2"]
CASES = [
    *[(architecture, penalty, {}) for architecture in ("standard", "tied", "gated") for penalty in PENALTIES],
    *[("standard", penalty, {"times_norm": True}) for penalty in PENALTIES],
    *[("jumprelu", "tanh:1", {}), ("jumprelu", "step", {}), ("jumprelu", "step", {"l0_target": 3.0})],
    *[("topk", "l1", {"k": k}) for k in (1, 4, D_SAE)],
    *[("batchtopk", "l1", {"k": k, "screen": screen}) for k in (1, 4) for screen in (0.0, 0.5, 100.0)],
    *[("matryoshka", "l1", {"k": k}) for k in (1, 4)],
    ("matryoshka", "l1", {"widths": (1, 19, D_SAE)}),
]


@pytest.mark.parametrize(("architecture", "penalty", "changes"), CASES)
@pytest.mark.parametrize("bias", [0.0, -4.0])  # many and few active features
@pytest.mark.parametrize("own_target", [False, True])
def test_hand_written_gradients_are_autograds(monkeypatch, architecture, penalty, changes, bias, own_target):
    monkeypatch.setattr(_pairs, "chunk_rows", lambda *_: 8)
    weights, goal = random_weights(bias, architecture), objective(architecture, penalty, **changes)
    weights = dataclasses.replace(weights, apply_b_dec_to_input=not own_target)
    batch = with_targets(inputs()) if own_target else Batch(inputs())
    expected = autograd_step(batch, weights, goal)
    for step in (STEPS[architecture].sparse, STEPS[architecture].dense):
        assert_same(step(batch, weights, goal), expected, goal)


@pytest.mark.parametrize(
    ("architecture", "penalty"),
    [
        *[(architecture, "l1") for architecture in ("tied", "gated", "topk", "batchtopk", "matryoshka")],
        *[("standard", "sqrt"), ("jumprelu", "step"), ("jumprelu", "tanh:1")],
    ],
)
@pytest.mark.parametrize("way", ["dense", "sparse"])
def test_every_parameter_receives_a_gradient(architecture, penalty, way):
    weights = random_weights(0.0, architecture)
    found = getattr(STEPS[architecture], way)(Batch(inputs(400)), weights, objective(architecture, penalty, k=12))
    assert list(found.gradients) == list(weights.named())
    for name, one in found.gradients.items():
        gradient = stored(one)
        assert gradient.shape == weights.named()[name].shape
        per_feature = gradient.abs() if gradient.ndim == 1 else gradient.abs().sum(dim=1)
        share = (per_feature > 0).float().mean()
        assert share == 1, f"{name}: only {share:.0%} of the rows have a gradient"


@pytest.mark.parametrize("architecture", ["gated", "jumprelu"])
def test_autograd_in_blocks_is_autograd_of_the_whole(monkeypatch, architecture):
    weights = random_weights(0.0, architecture)
    goal = objective(architecture, "step", l0_target=3.0) if architecture == "jumprelu" else objective(architecture)
    batch = with_targets(inputs())
    whole = autograd_step(batch, weights, goal)
    monkeypatch.setattr(_autograd, "chunk_rows", lambda *_: 8)
    assert_same(autograd_step(batch, weights, goal), whole, goal)


@pytest.mark.parametrize("compute", [relu_dense_step, relu_sparse_step, autograd_step])
@pytest.mark.parametrize("reduction", ["code", "paper", "sse"])
@pytest.mark.parametrize("bias", [0.0, -4.0, -100.0])  # many, few and no active features
@pytest.mark.parametrize("chunk_rows", [8, 256])
@pytest.mark.parametrize("own_target", [False, True])
def test_gradients_are_those_of_the_model_and_the_loss(monkeypatch, compute, reduction, bias, chunk_rows, own_target):
    monkeypatch.setattr(_pairs, "chunk_rows", lambda *_: chunk_rows)
    weights = dataclasses.replace(random_weights(bias), apply_b_dec_to_input=not own_target)
    batch = with_targets(inputs()) if own_target else Batch(inputs())
    cfg = sae.SAEConfig("standard", d_in=D_IN, d_sae=D_SAE, apply_b_dec_to_input=not own_target)
    model = weights.to_sae(cfg).requires_grad_()
    features = model.encode(batch.x)
    loss = sae.sparsity_loss(batch.target, model.decode(features), features, l1_coefficient=0.7, reduction=reduction)
    loss.backward()

    goal = objective("standard", reduction=reduction)
    step = compute(batch, weights, goal)
    expected = [model.W_enc.grad.T, model.b_enc.grad, model.W_dec.grad, model.b_dec.grad]
    for found, wanted in zip(step.gradients.values(), expected, strict=True):
        torch.testing.assert_close(stored(found), wanted, rtol=1e-4, atol=1e-6)
    total = (goal.loss.error * step.squared_error + goal.loss.l1 * step.penalty) / N
    torch.testing.assert_close(total, loss.detach())
    assert step.counts.tolist() == (features > 0).sum(dim=0).tolist()


@pytest.mark.parametrize("compute", [relu_dense_step, relu_sparse_step, autograd_step])
@pytest.mark.parametrize("bias", [0.0, -4.0])
def test_with_free_norms_the_penalty_is_on_features_times_norms(compute, bias):
    weights, x, goal = random_weights(bias), inputs(), objective("standard", times_norm=True)
    model = weights.to_sae(sae.SAEConfig("standard", d_in=D_IN, d_sae=D_SAE)).requires_grad_()
    features = model.encode(x)
    penalty = (features * model.W_dec.norm(dim=1)).sum()
    loss = ((model.decode(features) - x).square().sum() + 0.7 * penalty) / N
    loss.backward()
    step = compute(Batch(x), weights, goal)
    expected = [model.W_enc.grad.T, model.b_enc.grad, model.W_dec.grad, model.b_dec.grad]
    for found, wanted in zip(step.gradients.values(), expected, strict=True):
        torch.testing.assert_close(stored(found), wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(step.penalty, penalty.detach())


@pytest.mark.parametrize("compute", [relu_dense_step, relu_sparse_step])
def test_with_free_norms_only_the_product_of_feature_and_row_counts(compute):
    weights, x, goal = random_weights(), inputs(), objective("standard", times_norm=True)
    other = dataclasses.replace(
        weights, encoder=weights.encoder * 4, b_enc=weights.b_enc * 4, decoder=weights.decoder / 4
    )
    one, same = compute(Batch(x), weights, goal), compute(Batch(x), other, goal)
    torch.testing.assert_close(same.penalty, one.penalty)
    torch.testing.assert_close(same.squared_error, one.squared_error)
    torch.testing.assert_close(stored(same.gradients["decoder"]), stored(one.gradients["decoder"]) * 4)
    torch.testing.assert_close(stored(same.gradients["encoder"]), stored(one.gradients["encoder"]) / 4)


@pytest.mark.parametrize("compute", [relu_dense_step, relu_sparse_step])
def test_a_zero_row_has_a_finite_gradient(compute):
    weights = random_weights()
    weights.decoder[3] = 0
    gradients = compute(Batch(inputs()), weights, objective("standard", times_norm=True)).gradients
    assert all(stored(one).isfinite().all() for one in gradients.values())


@pytest.mark.parametrize("architecture", ["topk", "gated", "jumprelu", "tied"])
def test_a_step_activates_what_the_model_does(architecture):
    weights, x = random_weights(0.0, architecture), inputs()
    cfg = sae.SAEConfig(architecture, d_in=D_IN, d_sae=D_SAE, k=4 if architecture == "topk" else None)
    model = weights.to_sae(cfg)
    features = model.encode(x)
    for step in (STEPS[architecture].dense, STEPS[architecture].sparse):
        penalty = "step" if architecture == "jumprelu" else "l1"
        found = step(Batch(x), weights, objective(architecture, penalty))
        assert found.counts.tolist() == (features > 0).sum(dim=0).tolist()
        torch.testing.assert_close(found.error, model(x) - x, rtol=1e-4, atol=1e-5)


def test_the_gates_own_reconstruction_does_not_move_the_decoder():
    weights, x = random_weights(0.0, "gated"), inputs()
    found = STEPS["gated"].sparse(Batch(x), weights, objective("gated"))
    decoder = weights.decoder.clone().requires_grad_()
    f = weights.to_sae(sae.SAEConfig("gated", d_in=D_IN, d_sae=D_SAE)).encode(x)
    (weights.b_dec + f @ decoder - x).square().sum().div(N).backward()
    torch.testing.assert_close(stored(found.gradients["decoder"]), decoder.grad, rtol=1e-4, atol=1e-5)
    assert found.other_error > 0


def test_an_l0_approximation_reports_the_true_count():
    found = relu_sparse_step(Batch(inputs()), random_weights(), objective("standard", "l0:0.2"))
    assert found.penalty == found.counts.sum()


def test_batchtopk_gives_the_smallest_it_selected():
    weights, x = random_weights(), inputs()
    found = STEPS["batchtopk"].sparse(Batch(x), weights, objective("batchtopk"))
    ordered = weights.encode(x).flatten().sort(descending=True).values
    torch.testing.assert_close(found.smallest, ordered[4 * N - 1])
    assert found.counts.sum() == 4 * N
    nothing = dataclasses.replace(weights, b_enc=weights.b_enc - 100)
    assert STEPS["batchtopk"].sparse(Batch(x), nothing, objective("batchtopk")).counts.sum() == 0


def test_matryoshka_is_the_sum_over_its_prefixes():
    weights, x = random_weights(), inputs()
    whole = STEPS["matryoshka"].sparse(Batch(x), weights, objective("matryoshka"))
    f = torch.zeros(N, D_SAE)
    pre = weights.encode(x)
    f[pre >= whole.smallest] = pre[pre >= whole.smallest]
    errors = [(weights.b_dec + f[:, :w] @ weights.decoder[:w] - x).square().sum() for w in (5, 8, D_SAE)]
    torch.testing.assert_close(whole.squared_error, errors[-1])
    torch.testing.assert_close(whole.other_error, errors[0] + errors[1])


@pytest.mark.parametrize(
    ("architecture", "penalty"),
    [*[(name, "l1") for name in ("standard", "tied", "gated")], ("jumprelu", "tanh:1"), ("jumprelu", "step")],
)
@pytest.mark.parametrize("bias", [0.0, -2.0])
@pytest.mark.parametrize("own_target", [False, True])
def test_the_gradients_of_a_frequency_penalty_are_autograds(monkeypatch, architecture, penalty, bias, own_target):
    monkeypatch.setattr(_autograd, "chunk_rows", lambda *_: 8)
    weights = dataclasses.replace(random_weights(bias, architecture), apply_b_dec_to_input=not own_target)
    batch = with_targets(inputs()) if own_target else Batch(inputs())

    def goal(coefficient):
        frequency = FrequencyPenalty(D_SAE, coefficient=coefficient, s_min=0.6, s_max=0.7)
        return objective(architecture, penalty, frequency=frequency)

    found, expected = STEPS[architecture].sparse(batch, weights, goal(3.0)), autograd_step(batch, weights, goal(3.0))
    assert_same(found, expected, goal(3.0))
    plain = autograd_step(batch, weights, goal(0.0))
    pulled = {name for name, one in expected.gradients.items() if (one - plain.gradients[name]).abs().max() > 1e-3}
    other = {"gated": {"decoder", "r_mag", "b_mag"}, "tied": set()}.get(architecture, {"decoder"})
    other |= {"b_dec"} if own_target else set()  # which the encoder does not read
    assert pulled == weights.named().keys() - other


def test_a_rare_feature_is_pulled_up_by_the_frequency_penalty():
    weights, x = random_weights(), inputs()
    plain = relu_sparse_step(Batch(x), weights, objective("standard"))
    always = (plain.counts > 0.6 * N).nonzero().squeeze(1)
    frequency = FrequencyPenalty(D_SAE, coefficient=1.0, s_min=0.6)
    pulled = relu_sparse_step(Batch(x), weights, objective("standard", frequency=frequency))
    change = pulled.gradients["b_enc"] - plain.gradients["b_enc"]
    assert len(always)
    assert change[always].abs().max() == 0
    rare = ((plain.counts > 0) & (plain.counts < 0.6 * N)).nonzero().squeeze(1)
    assert len(rare)
    assert change[rare].max() < 0  # a step against the gradient raises the bias


@pytest.mark.parametrize("architecture", ["standard", "gated", "topk", "jumprelu"])
@pytest.mark.parametrize("way", ["dense", "sparse"])
def test_a_bfloat16_encoder_is_close_and_the_rest_float32(architecture, way):
    weights, x = random_weights(0.0, architecture), inputs(400)
    compute, penalty = getattr(STEPS[architecture], way), "step" if architecture == "jumprelu" else "l1"
    exact = compute(Batch(x), weights, objective(architecture, penalty))
    rounded = compute(Batch(x), weights, objective(architecture, penalty, encoder_dtype=torch.bfloat16))
    for name, one in rounded.gradients.items():
        gradient, wanted = stored(one), stored(exact.gradients[name])
        assert gradient.dtype == torch.float32
        cosine = torch.cosine_similarity(gradient.flatten(), wanted.flatten(), dim=0)
        assert cosine > 0.98, name
        assert not torch.equal(gradient, wanted)


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
