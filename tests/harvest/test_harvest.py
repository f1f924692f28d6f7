"""A harvest sees every token that counts, once, and goes on where it stopped."""

from __future__ import annotations

import dataclasses
from functools import reduce

import numpy as np
import pytest
import torch

from autointerp.errors import MismatchError, UsageError
from autointerp.harvest import (
    HarvestConfig,
    list_shards,
    load_features,
    load_sketch,
    merge,
    sketch_shard,
)


def assert_same(a, b) -> None:
    assert (a.spec, a.shards) == (b.spec, b.shards)
    assert all(array.tobytes() == b.arrays()[name].tobytes() for name, array in a.arrays().items())


@pytest.mark.parametrize("prepend_bos", [True, False])
@pytest.mark.parametrize("options", [{}, {"skip_positions": 0}, {"skip_positions": 3}, {"keep_bos": True}])
def test_statistics_equal_a_dense_reference(tiny, tmp_path, options, prepend_bos):
    parts = tiny.make_parts(prepend_bos=prepend_bos).with_config(**options)
    run = parts.harvest(tmp_path)
    acts, counts = parts.dense(), parts.counts()
    for number, split in enumerate(("explain", "score")):
        sketch = load_sketch(run, split)
        counted = counts & (parts.windows.split == number)[:, None]
        assert sketch.n_tokens == counted.sum()
        assert (sketch.n_tokens_at == counted.sum(0)).all()
        assert (sketch.n_active == (acts[counted] > 0).sum(0)).all()
        assert np.allclose(sketch.total.to_float(), acts[counted].astype(np.float64).sum(0), rtol=1e-4)
        top = sketch.top()
        f, k = np.nonzero(top.window >= 0)
        assert counted[top.window[f, k], top.position[f, k]].all()
        assert np.allclose(acts[top.window[f, k], top.position[f, k], f], top.value[f, k], atol=1e-5)


def test_every_model_call_has_one_shape(parts, tmp_path):
    parts.harvest(tmp_path)
    assert parts.subject.shapes == {(4, 16)}


def test_shards_computed_apart_in_any_order_merge_to_the_harvest(parts, tmp_path):
    run = parts.harvest(tmp_path)
    shards = list_shards(parts.windows, parts.config)
    assert [s.name for s in shards][:2] == ["explain:0000", "explain:0001"]
    assert sorted(np.concatenate([s.windows for s in shards]).tolist()) == list(range(len(parts.windows.tokens)))
    for split in ("explain", "score"):
        mine = [s for s in shards if s.name.startswith(split)]
        order = np.random.default_rng(0).permutation(len(mine))
        apart = [sketch_shard(mine[i], **parts.inputs, config=parts.config) for i in order]
        assert len(apart) > 3
        assert_same(reduce(merge, apart), load_sketch(run, split))


def test_a_stopped_harvest_goes_on_and_ends_with_the_same_bytes(tiny, parts, tmp_path):
    whole = parts.harvest(tmp_path / "whole")

    class StopsAfter(tiny.TinySubject):
        def residuals(self, tokens):
            if self.n_calls == 9:
                raise KeyboardInterrupt
            return super().residuals(tokens)

    stopping = dataclasses.replace(parts, subject=StopsAfter())
    with pytest.raises(KeyboardInterrupt):
        stopping.harvest(tmp_path / "stopped", checkpoint_s=0.0)
    assert not (tmp_path / "stopped" / "features.parquet").exists()

    again = dataclasses.replace(parts, subject=tiny.TinySubject())
    seen = []
    stopped = again.harvest(tmp_path / "stopped", progress=lambda done, total: seen.append((done, total)))
    assert again.subject.n_calls == parts.subject.n_calls - 8  # four shards of two batches were kept
    assert seen[-1] == (parts.windows.n_tokens, parts.windows.n_tokens)
    assert seen == sorted(seen)
    for name in ("harvest/explain.npz", "harvest/score.npz", "harvest/meta.json", "features.parquet"):
        assert (whole.path / name).read_bytes() == (stopped.path / name).read_bytes(), name


def test_a_finished_harvest_is_not_run_again(tiny, parts, tmp_path):
    parts.harvest(tmp_path)
    again = dataclasses.replace(parts, subject=tiny.TinySubject())
    again.harvest(tmp_path)
    assert again.subject.n_calls == 0


def test_changed_inputs_are_refused_and_both_values_named(tiny, parts, tmp_path):
    parts.harvest(tmp_path)
    with pytest.raises(MismatchError, match=r"config.seed .*expected 0, found 5"):
        parts.with_config(seed=5).harvest(tmp_path)
    with pytest.raises(MismatchError, match="windows_fingerprint"):
        dataclasses.replace(parts, windows=tiny.make_windows(seed=1)).harvest(tmp_path)
    other = tiny.make_model()
    with torch.no_grad():
        other.b_enc[0] += 1
    with pytest.raises(MismatchError, match="sae_fingerprint") as caught:
        dataclasses.replace(parts, model=other).harvest(tmp_path)
    assert parts.model.fingerprint() in str(caught.value)
    assert other.fingerprint() in str(caught.value)
    subject = tiny.TinySubject()
    subject.fingerprint = "tiny-2"
    with pytest.raises(MismatchError, match=r"model_fingerprint .*expected 'tiny-1', found 'tiny-2'"):
        dataclasses.replace(parts, subject=subject).harvest(tmp_path)


def test_a_sketch_of_another_harvest_is_not_gone_on_with(parts, tmp_path):
    run = parts.harvest(tmp_path / "a")
    other = parts.with_config(seed=5)
    stranger = other.harvest(tmp_path / "b")
    (stranger.harvest / "explain.npz").write_bytes((run.harvest / "explain.npz").read_bytes())
    with pytest.raises(UsageError, match="not of the harvest"):
        other.harvest(tmp_path / "b")


def test_a_broken_meta_file_says_what_to_do(parts, tmp_path):
    run = parts.harvest(tmp_path)
    (run.harvest / "meta.json").write_text("{")
    with pytest.raises(UsageError, match="harvest again"):
        parts.harvest(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_residual_that_is_not_finite_names_its_window(tiny, parts, tmp_path, value):
    class Broken(tiny.TinySubject):
        def residuals(self, tokens):
            x = super().residuals(tokens)
            x[(tokens == torch.from_numpy(parts.windows.tokens[13].astype(np.int64))).all(1), 4, 2] = value
            return x

    with pytest.raises(UsageError, match="Window 13, position 4"):
        dataclasses.replace(parts, subject=Broken()).harvest(tmp_path)


def test_what_padding_computes_does_not_matter(tiny, parts, tmp_path):
    class NoisyPadding(tiny.TinySubject):
        def residuals(self, tokens):
            return super().residuals(tokens).masked_fill((tokens == tiny.PAD)[..., None], float("nan"))

    whole = parts.harvest(tmp_path / "a")
    noisy = dataclasses.replace(parts, subject=NoisyPadding()).harvest(tmp_path / "b")
    assert (whole.harvest / "score.npz").read_bytes() == (noisy.harvest / "score.npz").read_bytes()


def test_features_of_a_run_without_harvest_say_what_to_do(parts, tmp_path):
    from autointerp.run import RunDirectory

    with pytest.raises(UsageError, match="autointerp harvest"):
        load_features(RunDirectory(tmp_path))
    with pytest.raises(UsageError, match="harvest again"):
        load_sketch(RunDirectory(tmp_path), "score")


@pytest.mark.parametrize("bad", [{"k_top": 0}, {"batch_windows": -1}, {"skip_positions": -1}])
def test_sizes_that_mean_nothing_are_refused(bad):
    with pytest.raises(UsageError, match=next(iter(bad))):
        HarvestConfig(**bad)
