"""A sketch equals a dense reference, and is a commutative monoid, bit for bit."""

from __future__ import annotations

import dataclasses
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.errors import MismatchError, UsageError
from autointerp.harvest import HISTOGRAM_EDGES, FeatureSketch, SketchSpec, merge

F, T = 7, 6
SPEC = SketchSpec(d_sae=F, context_length=T, seed=3, k_top=4, k_sample=8, source="test")
seeds = st.integers(0, 2**32 - 1)


def dense(seed: int, n_windows: int = 20, f: int = F, t: int = T) -> np.ndarray:
    """Activations [windows, t, f] with many ties, features of many densities, and some empty tokens."""
    rng = np.random.default_rng(seed)
    density = np.linspace(0, 0.9, f)
    values = (rng.integers(1, 12, (n_windows, t, f)) / 8).astype(np.float32)
    return np.where(rng.random((n_windows, t, f)) < density, values, np.float32(0))


def add(sketch: FeatureSketch, acts: np.ndarray, windows: np.ndarray) -> None:
    """Update with some windows of a dense array."""
    w, p, f = np.nonzero(acts[windows])
    value = acts[windows][w, p, f]
    sketch.update(windows[w], p, f, value, token_positions=np.tile(np.arange(acts.shape[1]), len(windows)))


def sketch_of(acts: np.ndarray, shards: list[list[np.ndarray]], spec: SketchSpec = SPEC) -> list[FeatureSketch]:
    """A sketch a shard; a shard is a list of batches of windows."""
    sketches = []
    for batches in shards:
        sketch = FeatureSketch(spec)
        for batch in batches:
            add(sketch, acts, batch)
        sketch.add_shard(f"explain:{min((int(b.min()) for b in batches if len(b)), default=-1):04d}")
        sketches.append(sketch)
    return sketches


def one_pass(acts: np.ndarray, spec: SketchSpec = SPEC) -> FeatureSketch:
    return sketch_of(acts, [[np.arange(len(acts))]], spec)[0]


def assert_same(a: FeatureSketch, b: FeatureSketch) -> None:
    assert a.spec == b.spec
    for name, array in a.arrays().items():
        assert array.dtype == b.arrays()[name].dtype
        assert array.tobytes() == b.arrays()[name].tobytes(), name


@given(seeds, seeds, st.integers(1, 7))
def test_any_order_batching_and_sharding_gives_the_same_bits(seed, order_seed, n_shards):
    acts, rng = dense(seed), np.random.default_rng(order_seed)
    shards = np.array_split(rng.permutation(len(acts)), n_shards)
    cut = [np.split(shard, np.sort(rng.integers(0, len(shard) + 1, 2))) for shard in shards]
    sketches = sketch_of(acts, cut)
    order = rng.permutation(n_shards)
    merged = reduce(merge, [sketches[i] for i in order])
    assert_same(merged, one_pass(acts))


@given(seeds)
def test_merge_is_commutative_and_associative_and_changes_nothing(seed):
    acts = dense(seed)
    a, b, c = sketch_of(acts, [[np.arange(5)], [np.arange(5, 12)], [np.arange(12, 20)]])
    before = {name: array.copy() for name, array in a.arrays().items()}
    assert_same(merge(a, b), merge(b, a))
    assert_same(merge(merge(a, b), c), merge(a, merge(b, c)))
    assert merge(merge(a, b), c).shards == merge(a, merge(b, c)).shards == a.shards | b.shards | c.shards
    assert all((array == a.arrays()[name]).all() for name, array in before.items())
    empty = FeatureSketch(SPEC)
    assert_same(merge(a, empty), a)


@given(seeds)
def test_triples_in_any_order_give_the_same_bits(seed):
    acts = dense(seed)
    w, p, f = (index[np.random.default_rng(seed).permutation(np.count_nonzero(acts))] for index in np.nonzero(acts))
    sketch = FeatureSketch(SPEC)
    sketch.update(w, p, f, acts[w, p, f], token_positions=np.tile(np.arange(T), len(acts)))
    assert_same(sketch, one_pass(acts))


@given(seeds)
def test_counts_and_moments_equal_a_dense_reference(seed):
    acts = dense(seed, n_windows=9, f=60)
    sketch = one_pass(acts, dataclasses.replace(SPEC, d_sae=60, dead_threshold=0.5))
    flat = acts.reshape(-1, 60)
    active = flat > 0
    n = active.sum(0)
    assert sketch.n_tokens == len(flat)
    assert sketch.n_tokens_at.tolist() == [9] * T
    assert (sketch.n_active == n).all()
    assert (sketch.n_above_threshold == (flat > 0.5).sum(0)).all()
    stronger = (flat[:, None, :] > flat[:, :, None]).sum(2)  # [tokens, 60]
    assert (sketch.n_in_top_of_token == ((flat > 0.5) & (stronger < 25)).sum(0)).all()
    assert (sketch.n_active_at == (acts > 0).sum(0).T).all()
    assert (sketch.max() == flat.max(0)).all()
    live = n > 0
    own = [flat[active[:, f], f].astype(np.float64) for f in np.flatnonzero(live)]
    assert np.allclose(sketch.mean()[live], [x.mean() for x in own], rtol=1e-12)
    assert np.allclose(sketch.std()[live], [x.std() for x in own], atol=1e-7)
    assert np.isnan(sketch.mean()[~live]).all()
    edges = np.concatenate([[0], HISTOGRAM_EDGES, [np.inf]])
    for row, x in zip(sketch.histogram[live], own, strict=True):
        assert (row == np.histogram(x, edges)[0]).all()


@given(seeds)
def test_strongest_windows_equal_a_full_sort(seed):
    acts = dense(seed)
    top = one_pass(acts).top()
    for f in range(F):
        best, at = acts[:, :, f].max(1), acts[:, :, f].argmax(1)
        order = [w for w in np.argsort(-best, kind="stable") if best[w] > 0][:4]
        n = len(order)
        assert top.window[f].tolist() == order + [-1] * (4 - n)
        assert top.position[f].tolist() == at[order].tolist() + [-1] * (4 - n)
        assert top.value[f].tolist() == best[order].tolist() + [0] * (4 - n)


@given(seeds)
def test_the_sample_points_at_distinct_real_activations(seed):
    acts = dense(seed)
    sketch = one_pass(acts)
    sample = sketch.sample()
    for f in range(F):
        n = min(8, int(sketch.n_active[f]))
        w, p, v = sample.window[f], sample.position[f], sample.value[f]
        assert (acts[w[:n], p[:n], f] == v[:n]).all()
        assert len({*zip(w[:n].tolist(), p[:n].tolist(), strict=True)}) == n
        assert (w[n:] == -1).all()
        assert (v[n:] == 0).all()


def test_the_sample_is_uniform_over_activations():
    acts = np.ones((200, T, 1), np.float32)
    chosen = np.zeros(200 * T)
    for seed in range(200):
        sample = one_pass(acts, SketchSpec(1, T, seed=seed, k_top=1, k_sample=60)).sample()
        chosen[sample.window[0] * T + sample.position[0]] += 1
    # 1200 places, each expected 10 times with variance 10 * 0.95.
    assert chosen.sum() == 200 * 60
    assert abs(chosen.var() - 9.5) < 1.5
    assert abs(np.corrcoef(chosen, np.arange(1200))[0, 1]) < 0.1


@given(seeds)
def test_quantiles_are_exact_while_the_sample_holds_everything(seed):
    acts = dense(seed, n_windows=9)
    sketch = one_pass(acts, dataclasses.replace(SPEC, k_sample=9 * T))
    qs = [0.0, 0.1, 0.25, 0.5, 0.77, 1.0]
    found = sketch.quantiles(qs)
    for f in range(F):
        own = acts[:, :, f][acts[:, :, f] > 0].astype(np.float64)
        expected = np.quantile(own, qs) if len(own) else np.full(6, np.nan)
        assert np.allclose(found[f], expected, equal_nan=True)
    assert np.allclose(sketch.decile_edges()[:, 4], found[:, 3], equal_nan=True)


def test_quantiles_of_a_large_sample_are_near():
    value = np.random.default_rng(0).exponential(1, (4000, T, 1)).astype(np.float32)
    found = one_pass(value, SketchSpec(1, T, k_sample=2000)).quantiles([0.1, 0.5, 0.9])[0]
    assert np.allclose(found, np.quantile(value, [0.1, 0.5, 0.9]), rtol=0.1)


def test_long_windows_share_128_position_buckets():
    spec = SketchSpec(d_sae=1, context_length=512)
    sketch = FeatureSketch(spec)
    one = np.ones(512, np.int64)
    sketch.update(0 * one, np.arange(512), 0 * one, one.astype(np.float32), token_positions=np.arange(512))
    assert sketch.n_tokens_at.tolist() == sketch.n_active_at[0].tolist() == [4] * 128


@given(seeds)
@settings(max_examples=10)
def test_a_saved_sketch_comes_back_and_goes_on(tmp_path_factory: pytest.TempPathFactory, seed):
    folder, acts = tmp_path_factory.mktemp("sketch"), dense(seed)
    half = sketch_of(acts, [[np.arange(10)]])[0]
    half.save(folder / "half.npz")
    again = FeatureSketch.load(folder / "half.npz")
    assert_same(again, half)
    assert again.shards == half.shards == {"explain:0000"}
    add(again, acts, np.arange(10, 20))
    assert_same(again, one_pass(acts))
    again.save(folder / "a.npz")
    one_pass(acts).save(folder / "b.npz")
    assert (folder / "a.npz").read_bytes() == (folder / "b.npz").read_bytes()


def test_merging_a_shard_twice_is_refused():
    a, b = sketch_of(dense(0), [[np.arange(3)], [np.arange(3, 6)]])
    with pytest.raises(UsageError, match="'explain:0003'"):
        merge(merge(a, b), b)
    with pytest.raises(UsageError, match="already"):
        a.add_shard("explain:0000")


@pytest.mark.parametrize(
    "change", [{"seed": 4}, {"d_sae": 8}, {"context_length": 7}, {"k_sample": 9}, {"source": "other"}]
)
def test_merging_different_harvests_is_refused_and_names_both(change):
    other = dataclasses.replace(SPEC, **change)
    name = next(iter(change))
    with pytest.raises(MismatchError, match=rf"{name}={getattr(SPEC, name)!r}.*{name}={getattr(other, name)!r}"):
        merge(FeatureSketch(SPEC), FeatureSketch(other))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 0.0, 2.0**20])
def test_a_value_out_of_range_is_named(bad):
    value = np.array([1.0, bad], np.float32)
    with pytest.raises(UsageError, match="Window 12, position 3, feature 2"):
        FeatureSketch(SPEC).update(
            np.array([12, 12]), np.array([2, 3]), np.array([1, 2]), value, token_positions=np.arange(T)
        )


@pytest.mark.parametrize(("window", "position", "feature"), [(0, 0, F), (0, T, 0), (0, 0, -1), (-1, 0, 0)])
def test_a_pointer_out_of_shape_is_refused(window, position, feature):
    one = [np.array([i]) for i in (window, position, feature)]
    with pytest.raises(UsageError, match="outside"):
        FeatureSketch(SPEC).update(*one, np.ones(1, np.float32), token_positions=np.arange(T))


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_a_broken_file_says_what_to_do(tmp_path: Path, content):
    file = tmp_path / "sketch.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match="harvest again"):
        FeatureSketch.load(file)


def test_a_file_of_another_version_is_refused(tmp_path: Path):
    np.savez(tmp_path / "sketch.npz", version=np.int64(99), head=np.array("{}"))
    with pytest.raises(UsageError, match="version is 99"):
        FeatureSketch.load(tmp_path / "sketch.npz")
