"""A stack in the place of an SAE: what everything that takes one builds on."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sae
import sae._model
from sae.stack import StackedSAE, concatenate, load_stages, record_stages, save_stack, stage_folder

D_IN, WIDTHS = 6, (5, 7, 4)


def stage(architecture="standard", d_sae=7, seed=0, metadata=None):
    """A random SAE; about half of its features fire."""
    cfg = sae.SAEConfig(
        architecture, D_IN, d_sae, k=3 if architecture == "topk" else None, metadata=metadata or sae.SAEMetadata()
    )
    random = torch.Generator().manual_seed(seed)
    shapes = sae.architectures.class_of(cfg).shapes(cfg)
    return sae.build(cfg, {name: 0.5 * torch.randn(shape, generator=random) for name, shape in shapes.items()})


def stack_of(reads=("x", "residual", "x"), **metadata):
    names = ("standard", "topk", "gated")
    return StackedSAE(
        [stage(name, d, i, **metadata) for i, (name, d) in enumerate(zip(names, WIDTHS, strict=True))], reads
    )


def inputs(n=40):
    return torch.randn(n, D_IN, generator=torch.Generator().manual_seed(1))


def test_a_stack_is_an_sae_with_every_stages_directions():
    stack = stack_of()
    assert isinstance(stack, sae.SAE)
    assert (stack.cfg.architecture, stack.cfg.d_in, stack.cfg.d_sae) == ("stacked", D_IN, 16)
    assert torch.equal(stack.W_dec[5:12], stack.stages[1].W_dec)
    assert torch.equal(stack.W_enc[:, 12:], stack.stages[2].W_enc)
    f = stack.encode(inputs())
    torch.testing.assert_close(stack.decode(f), f @ stack.W_dec + stack.b_dec)
    torch.testing.assert_close(stack.decode(f, x=inputs()), stack(inputs()))
    assert stack.device == stack.W_dec.device
    assert torch.equal(copy.deepcopy(stack).encode(inputs()), f)


@settings(deadline=None, max_examples=40)
@given(
    features=st.lists(st.integers(0, sum(WIDTHS) - 1), max_size=12),
    reads=st.tuples(*[st.sampled_from(["x", "residual"])] * 3),
    block=st.integers(1, 100),
)
def test_some_features_are_what_they_are_among_all(features, reads, block):
    stack, x = stack_of(reads), inputs(9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sae._model, "CHUNK_ELEMENTS", block)
        some = stack.encode_features(x, torch.tensor(features, dtype=torch.int64))
    torch.testing.assert_close(some, stack.encode(x)[:, features], rtol=1e-5, atol=1e-6)


def test_features_that_do_not_exist_and_inputs_of_another_width_are_refused():
    with pytest.raises(sae.SAEError, match=r"0\.\.15"):
        stack_of().encode_features(inputs(), torch.tensor([16]))
    with pytest.raises(sae.SAEError, match="d_in=6"):
        stack_of().encode_features(torch.ones(3, 5), torch.tensor([1]))


def test_a_stage_is_only_computed_when_something_asks_for_it(monkeypatch):
    stack = stack_of(("x", "x", "residual"))
    called = []
    for number, one in enumerate(stack.stages):
        encode = one.encode
        monkeypatch.setattr(one, "encode", lambda x, n=number, encode=encode: called.append(n) or encode(x))
    stack.encode_features(inputs(), torch.tensor([0, 6]))
    assert called == []
    stack.encode_features(inputs(), torch.tensor([14]))
    assert called == [0, 1]


def test_the_fingerprint_tells_what_decides_an_encoding():
    prints = {
        stack_of(reads).fingerprint() for reads in (("x", "residual", "x"), ("x", "x", "x"), ("x", "x", "residual"))
    }
    assert len(prints) == 3
    assert stack_of(("residual", "x", "x")).fingerprint() == stack_of(("x", "x", "x")).fingerprint()
    changed = stack_of()
    changed.stages[2].W_dec.data[0, 0] += 1
    assert changed.fingerprint() != stack_of().fingerprint()


def test_dead_features_have_their_numbers_in_the_stack():
    first = sae.SAEMetadata(
        model_name="m",
        n_dead_train=2,
        dead_train=(1, 3),
        extra={"model_fingerprint": "f", "stack_stage": 1, "training": {}},
    )
    stages = [
        stage(d_sae=5, metadata=first),
        stage(metadata=dataclasses.replace(first, n_dead_train=1, dead_train=(0,))),
    ]
    together = StackedSAE(stages, ["x", "x"]).cfg.metadata
    assert (together.model_name, together.n_dead_train, together.dead_train) == ("m", 3, (1, 3, 5))
    assert together.extra == {"model_fingerprint": "f", "stack_widths": [5, 7]}
    unknown = StackedSAE([stages[0], stage()], ["x", "x"]).cfg.metadata
    assert (unknown.n_dead_train, unknown.dead_train) == (None, None)


def test_load_takes_a_stacks_folder(tmp_path):
    stack = stack_of()
    save_stack(stack, tmp_path)
    loaded = sae.load(tmp_path)
    assert isinstance(loaded, StackedSAE)
    assert loaded.fingerprint() == stack.fingerprint()
    assert torch.equal(loaded.encode(inputs()), stack.encode(inputs()))


def test_a_later_stage_alone_is_no_sae_of_the_activations(tmp_path):
    metadata = sae.SAEMetadata(extra={"stack_stage": 2})
    save_stack(StackedSAE([stage(), stage(metadata=metadata)], ["x", "x"]), tmp_path)
    sae.load(tmp_path / "stage_1")
    with pytest.raises(sae.SAEError, match=f"stage_2 is stage 2 of a stack.*{tmp_path}$"):
        sae.load(tmp_path / "stage_2")


def test_stages_written_one_by_one_become_a_stack_when_they_are_listed(tmp_path):
    stack = stack_of()
    for number, one in enumerate(stack.stages, start=1):
        sae.save(one, stage_folder(tmp_path, number))
    with pytest.raises(sae.SAEError, match="is no SAE"):
        sae.load(tmp_path)
    there = load_stages(tmp_path, stack.reads[:2])
    assert there.fingerprint() == stack.up_to(2).fingerprint()
    record_stages(tmp_path, load_stages(tmp_path, stack.reads), recipes=[{}] * 3)
    assert sae.load(tmp_path).fingerprint() == stack.fingerprint()


def test_what_only_one_sae_can_do_is_refused(tmp_path):
    stack = stack_of()
    for call, message in [
        (lambda: sae.save(stack, tmp_path / "one"), r"one: a stack is no SAELens folder.*concatenate.*save_stack"),
        (lambda: sae.build(stack.cfg, stack.tensors()), "several SAEs in a row"),
        (lambda: sae.finetune.least_squares(stack, [inputs()]), "a stack can't be fine-tuned"),
    ]:
        with pytest.raises(sae.SAEError, match=message):
            call()
    assert not (tmp_path / "one").exists()


def test_a_file_can_not_say_that_one_sae_is_a_stack(tmp_path):
    sae.save(stage(), tmp_path)
    config = tmp_path / "cfg.json"
    config.write_text(config.read_text().replace('"standard"', '"stacked"'))
    with pytest.raises(sae.SAEError, match="several SAEs in a row"):
        sae.load(tmp_path)


def test_one_sae_in_its_place_has_the_same_directions_and_dead_features():
    dead = sae.SAEMetadata(n_dead_train=1, dead_train=(2,), extra={"stack_stage": 1})
    stack = StackedSAE([stage(metadata=dead), stage("standard", 5, 1, dead)], ["x", "x"])
    one = concatenate(stack)
    assert torch.equal(one.W_dec, stack.W_dec)
    assert one.cfg.metadata == stack.cfg.metadata
    assert one.cfg.metadata.dead_train == (2, 9)
