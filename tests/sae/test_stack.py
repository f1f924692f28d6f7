from __future__ import annotations

import dataclasses
import json

import pytest
import torch

import sae
import sae._model
from sae.architectures import REGISTRY, build
from sae.stack import StackedSAE, Stage, concatenate, load_stack, save_stack, train_stack

EXTRA = {"topk": {"k": 3}, "batchtopk": {"k": 3}, "matryoshka": {"k": 3, "widths": (4, 14)}}
D_IN = 16


pytestmark = pytest.mark.usefixtures("one_thread")


def make(architecture="standard", d_in=D_IN, d_sae=14, seed=0, **config):
    """A random SAE of any architecture; about half of its features fire."""
    cfg = sae.SAEConfig(architecture, d_in, d_sae, **EXTRA.get(architecture, {}), **config)
    random = torch.Generator().manual_seed(seed)
    shapes = REGISTRY[architecture].shapes(cfg)
    return build(cfg, {name: 0.3 * torch.randn(shape, generator=random) for name, shape in shapes.items()})


def silent(d_in=D_IN, d_sae=5):
    """A stage that says nothing: all zero."""
    shapes = {"W_enc": (d_in, d_sae), "b_enc": (d_sae,), "W_dec": (d_sae, d_in), "b_dec": (d_in,)}
    return build(sae.SAEConfig("standard", d_in, d_sae), {name: torch.zeros(shape) for name, shape in shapes.items()})


def config(**changes):
    return sae.TrainConfig(
        **{
            "n_tokens": 200 * 64,
            "l1_coefficient": 1.0,
            "d_sae": 24,
            "batch_size": 64,
            "lr": 5e-3,
            "lr_warmup_steps": 10,
            "n_init": 512,
            **changes,
        }
    )


def quality(model, x):
    features = model.encode(x)
    return sae.metrics.Quality.of(x, model.decode(features), features)


@pytest.mark.parametrize("reads", ["x", "residual"])
def test_features_lie_stage_by_stage_and_sums_add_up(reads):
    x = torch.randn(50, D_IN, generator=torch.Generator().manual_seed(1))
    stages = [make(), make(d_sae=20, seed=1), make("jumprelu", d_sae=6, seed=2)]
    stack = StackedSAE(stages, ["x", reads, reads])
    assert (stack.d_in, stack.d_sae, stack.widths) == (D_IN, 40, [14, 20, 6])
    rest, expected, reconstruction = x, [], torch.zeros_like(x)
    for stage in stages:
        expected.append(stage.encode(rest if reads == "residual" else x))
        rest = rest - stage.decode(expected[-1])
        reconstruction = reconstruction + stage.decode(expected[-1])
    features = stack.encode(x)
    assert torch.equal(features, torch.cat(expected, dim=1))
    assert torch.equal(features[:, :14], stages[0].encode(x))
    assert quality(stack, x).n_active == sum(int((f > 0).sum()) for f in expected)
    torch.testing.assert_close(stack(x), reconstruction)
    torch.testing.assert_close(stack.residual(x), x - reconstruction)
    assert torch.equal(stack.encode(x.view(5, 10, -1)).view(50, -1), features)


@pytest.mark.parametrize("architecture", REGISTRY)
def test_sparse_and_dense_agree(architecture, monkeypatch):
    monkeypatch.setattr(sae._model, "CHUNK_ELEMENTS", 19 * 3)  # three rows at a time
    x = torch.randn(10, D_IN, generator=torch.Generator().manual_seed(1))
    stack = StackedSAE([make(architecture), make(d_sae=5, seed=1)], ["x", "residual"])
    acts = stack.encode_sparse(x)
    dense = torch.zeros(10, 19)
    dense[acts.row, acts.feature] = acts.value
    torch.testing.assert_close(dense, stack.encode(x))
    assert bool(((acts.row * 19 + acts.feature).diff() > 0).all())
    assert (acts.n_rows, acts.d_sae) == (10, 19)
    assert len(stack.encode_sparse(x[:0]).row) == 0
    assert stack.residual(x[:0]).shape == (0, D_IN)


@pytest.mark.parametrize("reads", ["x", "residual"])
def test_a_second_stage_of_zeros_changes_nothing(reads):
    x = torch.randn(50, D_IN, generator=torch.Generator().manual_seed(1))
    first = make()
    stack = StackedSAE([first, silent()], ["x", reads])
    assert torch.equal(stack(x), first(x))
    alone, both = quality(first, x), quality(stack, x)
    assert (both.mse, both.l0) == (alone.mse, alone.l0)


@pytest.mark.parametrize("reads", ["x", "residual"])
def test_stages_freeze_and_add_up(dictionary_data, reads):
    x = dictionary_data(12_800)[1]
    seen = []

    def stream(number):
        seen.append(number)
        return torch.split(x, 100)

    first = sae.train(stream(1), config(l1_coefficient=4.0)).sae
    before = {name: tensor.clone() for name, tensor in first.tensors().items()}
    plan = [Stage(config(l1_coefficient=1.0), reads), Stage(config(d_sae=32, l1_coefficient=0.3), reads)]
    stack = train_stack(stream, plan, first=first)
    assert seen == [1, 2, 3]
    for name, tensor in stack.stages[0].tensors().items():
        assert torch.equal(tensor, before[name])
        assert torch.equal(first.tensors()[name], before[name])
    assert not any(parameter.requires_grad for parameter in stack.parameters())
    parts = [StackedSAE(stack.stages[:n], stack.reads[:n]) for n in (1, 2, 3)]
    assert torch.equal(parts[1].stages[1].W_enc, stack.stages[1].W_enc)
    measured = [quality(part, x) for part in parts]
    assert measured[2].mse < measured[1].mse < measured[0].mse
    assert measured[2].fvu < 0.5 * measured[0].fvu
    assert measured[0].l0 < measured[1].l0 < measured[2].l0
    f = stack.encode(x)
    each = [sae.metrics.l0(part) for part in f.split(stack.widths, dim=1)]
    assert measured[2].l0 == pytest.approx(sum(each))
    torch.testing.assert_close(stack.stages[2].W_dec.norm(dim=1), torch.ones(32))


@pytest.mark.parametrize("reads", ["x", "residual"])
@pytest.mark.parametrize("size", [0.1, 30.0])
def test_the_scale_of_the_data_is_no_setting(dictionary_data, reads, size):
    x = dictionary_data(12_800)[1]
    found = []
    for scale in (1.0, size):
        first = sae.fold_input_scale(make(), 1 / scale)
        stack = train_stack(lambda _, scale=scale: [x * scale], [Stage(config(n_tokens=1280), reads)], first=first)
        found.append(stack(x * scale) / scale)
    torch.testing.assert_close(found[0], found[1], rtol=1e-2, atol=1e-2)


def test_a_stage_that_reads_x_learns_what_it_should():
    """After a silent stage the residual is x, and reading either is the same task."""
    random = torch.Generator().manual_seed(0)
    x = (torch.rand(12_800, D_IN, generator=random) < 0.1) * (1 + torch.rand(12_800, D_IN, generator=random))
    cfg = config(l1_coefficient=0.5, penalty="sqrt")
    fvus = [
        quality(train_stack(lambda _: [x], [Stage(cfg, reads)], first=silent()), x).fvu for reads in ("x", "residual")
    ]
    assert fvus[0] == pytest.approx(fvus[1], abs=0.05)
    assert fvus[0] < 0.2


STAGES = {
    "tied": {"architecture": "tied", "l1_coefficient": 0.3},
    "gated": {"architecture": "gated", "l1_coefficient": 0.3},
    "jumprelu": {"architecture": "jumprelu", "penalty": "step", "l1_coefficient": 0.1},
    "batchtopk": {"architecture": "batchtopk", "k": 3, "l1_coefficient": None},
    "topk": {"architecture": "topk", "k": 3, "l1_coefficient": None},
    "free": {"decoder_norm": "free", "encoder_dtype": "bfloat16", "resample_every": 40},
}


@pytest.mark.parametrize("name", STAGES)
def test_any_stage_may_read_x(dictionary_data, name):
    x = dictionary_data(12_800)[1] * 5
    first = sae.train([x], config(l1_coefficient=8.0)).sae
    stack = train_stack(lambda _: [x], [Stage(config(**STAGES[name]), "x")], first=first)
    alone, both = quality(first, x), quality(stack, x)
    assert both.fvu < 0.7 * alone.fvu
    assert not stack.stages[1].cfg.apply_b_dec_to_input
    if name == "topk":
        with pytest.raises(sae.SAEError, match="stage 2 is topk"):
            concatenate(stack)
    else:
        torch.testing.assert_close(concatenate(stack)(x), stack(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("free", [False, True])
def test_every_weight_of_a_stage_that_reads_x_learns(dictionary_data, free):
    x = dictionary_data(2000)[1]
    first = make()
    weights = []
    for lr in (1e-12, 1e-2):
        cfg = config(n_tokens=640, lr=lr, decoder_norm="unpenalised" if free else "unit")
        model = train_stack(lambda _: [x], [Stage(cfg)], first=first).stages[1]
        assert not model.cfg.apply_b_dec_to_input
        torch.testing.assert_close(model.W_dec.norm(dim=1), torch.ones(24))
        weights.append(model.tensors())
    for name, tensor in weights[0].items():
        assert (tensor - weights[1][name]).abs().max() > 1e-4


@pytest.mark.parametrize("apply", [True, False])
@pytest.mark.parametrize("architecture", ["standard", "tied", "jumprelu", "batchtopk", "matryoshka", "gated"])
@pytest.mark.parametrize("second", ["standard", "jumprelu", "gated"])
def test_a_stack_that_reads_x_is_one_sae(architecture, second, apply, tmp_path):
    x = torch.randn(200, D_IN, generator=torch.Generator().manual_seed(1))
    given = sae.SAEMetadata(model_name="m", dead_train=(1,))
    first = make(architecture, apply_b_dec_to_input=apply, metadata=given)
    stack = StackedSAE([first, make(second, d_sae=20, seed=1), make(d_sae=3, seed=2)], ["x"] * 3)
    one = concatenate(stack)
    kinds = {stage.plain().cfg.architecture for stage in stack.stages}
    expected = next(kind for kind in ("gated", "jumprelu", "standard") if kind in kinds)
    assert one.cfg.architecture == expected
    torch.testing.assert_close(one.encode(x), stack.encode(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one(x), stack(x), rtol=1e-4, atol=1e-5)
    metadata = one.cfg.metadata
    assert (metadata.model_name, metadata.dead_train, metadata.extra["stack_widths"]) == ("m", None, [14, 20, 3])
    sae.save(one, tmp_path)
    assert torch.equal(sae.load(tmp_path)(x), one(x))


def test_other_stacks_are_not_one_sae():
    for stages, reads, message in [
        ([make(), make()], ["x", "residual"], "stage 2 reads the residual"),
        ([make(), make("topk")], ["x", "x"], "stage 2 is topk"),
    ]:
        with pytest.raises(sae.SAEError, match=message):
            concatenate(StackedSAE(stages, reads))
    concatenate(StackedSAE([make(), make()], ["residual", "x"]))  # to the first stage both are the same


def test_a_stack_survives_the_disk(tmp_path):
    x = torch.randn(20, D_IN, generator=torch.Generator().manual_seed(1))
    for stack in (
        StackedSAE([make(), make("topk", seed=1), make("batchtopk", seed=2)], ["x", "residual", "x"]),
        StackedSAE([make("gated"), make(seed=3)], ["x", "residual"]),  # fewer stages, over the old ones
    ):
        save_stack(stack, tmp_path / "s")
        loaded = load_stack(str(tmp_path / "s"))
        assert loaded.reads == stack.reads
        assert torch.equal(loaded.encode(x), stack.encode(x))
        assert torch.equal(loaded(x), stack(x))
        assert torch.equal(sae.load(tmp_path / "s" / "stage_1").encode(x), stack.stages[0].encode(x))


def test_broken_stacks_are_refused(tmp_path):
    with pytest.raises(sae.SAEError, match=r"stack.json is missing"):
        load_stack(tmp_path)
    save_stack(StackedSAE([make(), make(seed=1)], ["x", "x"]), tmp_path)
    text = (tmp_path / "stack.json").read_text()
    for broken in ("", "{}", text.replace('"x"', '"y"'), text.replace('"version": 1', '"version": 2')):
        (tmp_path / "stack.json").write_text(broken)
        with pytest.raises(sae.SAEError, match="is no list of stages"):
            load_stack(tmp_path)
    (tmp_path / "stack.json").write_text(text)
    load_stack(tmp_path)
    sae.save(make(seed=9), tmp_path / "stage_2")
    with pytest.raises(sae.SAEError, match="stage_2 holds other weights"):
        load_stack(tmp_path)


def plan(n=3):
    both = [Stage(config(n_tokens=640, seed=0)), Stage(config(n_tokens=640, seed=1), "residual")]
    return [*both, Stage(config(n_tokens=640, seed=2))][:n]


def test_training_goes_on_after_the_last_finished_stage(dictionary_data, tmp_path):
    x = dictionary_data(2000)[1]
    whole = train_stack(lambda _: [x], plan(), metadata=sae.SAEMetadata(model_name="m"))
    started = []

    def stream(number):
        started.append(number)
        yield x[:400]
        if number == 2 and started.count(2) == 1:
            raise KeyboardInterrupt
        yield x[400:]

    def run(n=3):
        return train_stack(stream, plan(n), out=tmp_path / "s", metadata=sae.SAEMetadata(model_name="m"))

    with pytest.raises(KeyboardInterrupt):
        run()
    assert len(load_stack(tmp_path / "s").stages) == 1
    run(2)
    resumed = run()
    assert started == [1, 2, 2, 3]
    again = run()
    assert started == [1, 2, 2, 3]
    for stack in (resumed, again, load_stack(tmp_path / "s")):
        prints = [stage.fingerprint() for stage in stack.stages]
        assert prints == [stage.fingerprint() for stage in whole.stages]
    extra = [stage.cfg.metadata.extra for stage in again.stages]
    assert [(one["stack_stage"], one["stack_reads"]) for one in extra] == [(1, "x"), (2, "residual"), (3, "x")]
    assert {stage.cfg.metadata.model_name for stage in again.stages} == {"m"}


def test_other_settings_do_not_go_on(dictionary_data, tmp_path):
    x = dictionary_data(2000)[1]
    train_stack(lambda _: [x], plan(2), out=tmp_path)
    changed = [plan()[0], Stage(dataclasses.replace(plan()[1].config, lr=0.1), "x")]
    with pytest.raises(sae.SAEError, match=r"stage 2 in .* another way \(different: lr, reads\)"):
        train_stack(lambda _: [x], changed, out=tmp_path)
    with pytest.raises(sae.SAEError, match="holds 2 stages, more than the 1"):
        train_stack(lambda _: [x], plan(1), out=tmp_path)
    with pytest.raises(sae.SAEError, match=r"stage 1 in .*different: .*given"):
        train_stack(lambda _: [x], plan(2), first=make(), out=tmp_path)
    train_stack(lambda _: [x], plan(1), first=make(), out=tmp_path / "given")
    assert len(train_stack(lambda _: [x], plan(2), first=make(), out=tmp_path / "given").stages) == 3
    recipe = json.loads((tmp_path / "given" / "stack.json").read_text())["stages"][0]["recipe"]
    assert recipe == {"given": make().fingerprint()}


def test_progress_names_the_stage(dictionary_data):
    x = dictionary_data(2000)[1]
    seen = []
    train_stack(lambda _: [x], plan(), progress=lambda number, step: seen.append((number, step)))
    assert [(number, step.step) for number, step in seen] == [(n, s) for n in (1, 2, 3) for s in (1, 10)]
    for _, step in seen:
        assert step.fvu > 0
        assert 0 < step.l0 < 24
        assert 0 < step.density_median <= step.density_q90 <= 1
    last = [step for number, step in seen if number == 3]
    assert last[1].loss < last[0].loss


def test_what_can_not_be_stacked_is_refused(dictionary_data):
    x = dictionary_data(2000)[1]

    def stream(_):
        raise AssertionError

    for call, message in [
        (lambda: StackedSAE([], []), "found 0 and 0"),
        (lambda: StackedSAE([make()], ["x", "x"]), "found 1 and 2"),
        (lambda: StackedSAE([make(), make(d_in=3)], ["x", "x"]), "stage 2 has 3"),
        (lambda: StackedSAE([make(), make()], ["x", "y"]), "found 'y' for stage 2"),
        (lambda: StackedSAE([make(normalize_activations="layer_norm")], ["x"]), "normalize_activations='layer_norm'"),
        (lambda: StackedSAE([make()], ["x"]).decode(torch.ones(2, 15)), "d_sae=14, found 15"),
        (lambda: StackedSAE([make()], ["x"]).encode_sparse(torch.ones(16)), "encode_sparse takes"),
        (lambda: train_stack(stream, []), "no stage to train"),
        (lambda: train_stack(lambda _: [], [Stage(config())], first=make()), "stream is empty"),
        (lambda: train_stack(lambda _: [x], [Stage(config())], first=make()), "stream ended after 2000"),
        (lambda: train_stack(lambda _: [x * torch.nan], [Stage(config())], first=make()), "loss is nan at step 1"),
    ]:
        with pytest.raises(sae.SAEError, match=message):
            call()
