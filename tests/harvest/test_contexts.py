"""Contexts: positives where the sketch says, negatives where the feature is off, nothing across splits."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import numpy as np
import pytest
import torch

from autointerp.errors import MismatchError, UsageError
from autointerp.harvest import (
    DECILES,
    STRATA,
    ContextConfig,
    load_contexts,
    load_passed_over,
    load_sketch,
    write_contexts,
)

FEATURES = [3, 5, 7, 12, 20, 34]


@pytest.fixture(scope="module")
def made(tiny, tmp_path_factory):
    parts = tiny.make_parts(n=240).with_config(k_sample=64)
    run = parts.harvest(tmp_path_factory.mktemp("run"))
    seen = []
    config = ContextConfig()
    write_contexts(run, FEATURES, **parts.inputs, config=config, progress=lambda *now: seen.append(now))
    return parts, run, load_contexts(run), seen


def every(contexts):
    return [c for cs in contexts.values() for c in cs]


def test_slices_are_the_windows_text_without_bos_and_padding(made):
    parts, _, contexts, _ = made
    windows, acts = parts.windows, parts.dense()
    assert len(every(contexts)) > 200
    for c in every(contexts):
        begin = c.position - c.peak
        assert begin == max(c.position - 10, 1)
        end = begin + len(c.token_ids)
        assert end == min(c.position + 7, windows.lengths[c.window])
        assert c.token_ids == tuple(windows.tokens[c.window, begin:end].tolist())
        assert c.tokens == tuple(parts.subject.pieces(c.token_ids))
        assert np.allclose(c.activations, acts[c.window, begin:end, c.feature], atol=1e-4)
        assert c.document == windows.documents["digest"][windows.document[c.window]]


def test_negatives_are_off_and_nothing_crosses_the_splits(made):
    parts, _, contexts, _ = made
    acts, split_of = parts.dense(), parts.windows.split
    documents = defaultdict(set)
    for c in every(contexts):
        assert ("explain", "score")[split_of[c.window]] == c.split
        documents[c.split].add(c.document)
        shown = acts[c.window, c.position - c.peak :, c.feature][: len(c.tokens)]
        if c.is_positive:
            assert c.activations[c.peak] > 0
        else:
            assert set(c.activations) == {0.0}
            assert shown.max() <= 1e-5
            assert parts.counts()[c.window, c.position]
    assert not documents["explain"] & documents["score"]


def test_positives_carry_the_recorded_activation_exactly(made):
    _, run, contexts, _ = made
    recorded = {}
    for split in ("explain", "score"):
        sketch = load_sketch(run, split)
        for peaks in (sketch.top(), sketch.sample()):
            for f in FEATURES:
                for w, p, v in zip(peaks.window[f], peaks.position[f], peaks.value[f], strict=True):
                    recorded[f, split, int(w), int(p)] = float(v)
    positives = [c for c in every(contexts) if c.is_positive]
    assert all(c.activations[c.peak] == recorded[c.feature, c.split, c.window, c.position] for c in positives)


def test_strata_hold_what_their_names_say(made):
    _, run, contexts, _ = made
    maximum = np.maximum(load_sketch(run, "explain").max(), load_sketch(run, "score").max())
    for c in every(contexts):
        sketch = load_sketch(run, c.split)
        peak = c.activations[c.peak]
        if c.stratum in DECILES:
            edges = [-np.inf, *sketch.decile_edges()[c.feature], np.inf]
            decile = DECILES.index(c.stratum)
            assert edges[decile] <= peak <= edges[decile + 1]
        elif c.stratum == "top":
            assert peak == sketch.top().value[c.feature, c.rank]
        elif c.stratum == "below_10pct_of_max":
            assert peak < 0.1 * maximum[c.feature]


def test_no_place_twice_and_windows_differ_within_a_stratum(made):
    _, _, contexts, _ = made
    places, strata = set(), defaultdict(list)
    for c in every(contexts):
        place = (c.feature, c.split, c.window, c.position)
        assert place not in places
        places.add(place)
        strata[c.feature, c.split, c.stratum].append(c.window)
    for key, windows in strata.items():
        if key[2] in {"top", "negative_random"}:
            assert len(set(windows)) == len(windows)


def test_counts_and_order(made):
    _, _, contexts, _ = made
    config = ContextConfig()
    for feature, cs in contexts.items():
        keys = [(("explain", "score").index(c.split), STRATA.index(c.stratum), c.rank) for c in cs]
        assert keys == sorted(keys)
        found = defaultdict(list)
        for c in cs:
            found[c.split, c.stratum].append(c.rank)
        for (split, stratum), ranks in found.items():
            assert ranks == list(range(len(ranks)))
            assert len(ranks) <= config.counts(split)[stratum]
        assert all(c.feature == feature for c in cs)
    full = [c for c in contexts[34] if c.split == "score"]
    by_stratum = {s: sum(c.stratum == s for c in full) for s in ("d9", "negative_random", "negative_hard")}
    assert by_stratum == {"d9": 2, "negative_random": 8, "negative_hard": 8}


def test_hard_negatives_stand_on_a_token_that_fires_or_say_how_not(made):
    parts, _, contexts, _ = made
    acts, tokens, split_of = parts.dense(), parts.windows.tokens, parts.windows.split
    n_same = 0
    for feature, cs in contexts.items():
        for number, split in enumerate(("explain", "score")):
            here = [c for c in cs if c.split == split]
            fires = (acts[..., feature] > 0) & parts.counts() & (split_of == number)[:, None]
            peaks = set(tokens[fires].tolist())
            words = {p.strip().casefold() for p in parts.subject.pieces(sorted(peaks))}
            for c in (c for c in here if c.stratum == "negative_hard"):
                token, word = c.token_ids[c.peak], c.tokens[c.peak].strip().casefold()
                assert c.fallback or token in peaks
                assert c.fallback != "folded" or word in words
                assert c.fallback != "prefix" or word[:3] in {w[:3] for w in words}
                n_same += c.fallback == ""
    assert n_same > 10


def test_a_feature_that_is_always_on_has_no_negatives_and_a_dead_one_no_positives(made, tiny):
    _, _, contexts, _ = made
    assert all(c.is_positive for c in contexts[tiny.ALWAYS_ON])
    assert {c.stratum for c in contexts[tiny.NEVER_ON]} == {"negative_random"}


def test_no_token_near_a_weak_activation_is_stronger(made):
    _, run, contexts, _ = made
    weak = [c for c in every(contexts) if c.is_positive and c.stratum != "top"]
    assert all(max(c.activations) == c.activations[c.peak] for c in weak)
    looked_at = load_passed_over(run)["score"]["d0"]
    assert 0 < looked_at[0] < looked_at[1]
    assert "top" not in {stratum for counts in load_passed_over(run).values() for stratum, n in counts.items() if n[0]}


def test_weak_contexts_are_the_first_of_the_sample_without_a_stronger_neighbour(tiny, tmp_path):
    parts = tiny.make_parts(n=900).with_config(k_sample=256)
    run, config, features = parts.harvest(tmp_path), ContextConfig(), [0, 3, 4, 9, 16]
    write_contexts(run, features, **parts.inputs, config=config)
    contexts, acts, sketch = load_contexts(run), parts.dense(), load_sketch(run, "score")
    sample, edges, n_full = sketch.sample(), sketch.decile_edges(), 0
    for f in features:
        alone = {}  # window -> its first place in the sample's random order
        for window, position, value in zip(sample.window[f], sample.position[f], sample.value[f], strict=True):
            end = min(position + config.after + 1, parts.windows.lengths[window])
            near = acts[window, max(position - config.before, 1) : end, f]
            if window >= 0 and value < edges[f][0] and near.max() <= value * (1 + 1e-5):
                alone.setdefault(int(window), int(position))
        found = [(c.window, c.position) for c in contexts[f] if (c.split, c.stratum) == ("score", "d0")]
        assert found[: len(alone)] == list(alone.items())[: config.score["d0"]]
        n_full += len(found) == config.score["d0"]
    assert n_full > 2


def test_progress_counts_windows(made):
    parts, _, _, seen = made
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] <= len(parts.windows.tokens)


def test_contexts_do_not_depend_on_the_other_features_and_repeat(made, tmp_path):
    parts, run, contexts, _ = made
    whole = run.contexts.read_bytes()
    write_contexts(run, [34, 12, 12], **parts.inputs, config=ContextConfig())
    assert load_contexts(run) == {12: contexts[12], 34: contexts[34]}
    write_contexts(run, FEATURES[::-1], **parts.inputs, config=ContextConfig())
    assert run.contexts.read_bytes() == whole


def test_another_seed_draws_other_negatives_and_the_same_positives(made):
    parts, run, contexts, _ = made
    write_contexts(run, FEATURES, **parts.inputs, config=ContextConfig(seed=1))
    other = load_contexts(run)
    for f in FEATURES:
        assert [c for c in other[f] if c.is_positive] == [c for c in contexts[f] if c.is_positive]
    assert every(other) != every(contexts)
    write_contexts(run, FEATURES, **parts.inputs, config=ContextConfig())


def test_contexts_of_no_features_are_an_empty_file(parts, tmp_path):
    run = parts.harvest(tmp_path)
    with pytest.raises(UsageError, match="not there"):
        load_contexts(run)
    write_contexts(run, [], **parts.inputs, config=ContextConfig())
    assert load_contexts(run) == {}


def test_a_corpus_with_one_split_has_contexts_of_that_split(tiny, tmp_path):
    parts = tiny.make_parts()
    parts.windows.split[:] = 0
    run = parts.harvest(tmp_path)
    write_contexts(run, [tiny.NEVER_ON, 34], **parts.inputs, config=ContextConfig())
    assert {c.split for c in every(load_contexts(run))} == {"explain"}


def test_without_bos_the_first_token_is_shown(tiny, tmp_path):
    parts = tiny.make_parts(prepend_bos=False).with_config(skip_positions=0)
    run = parts.harvest(tmp_path)
    write_contexts(run, [12], **parts.inputs, config=ContextConfig())
    assert any(c.position == c.peak for c in load_contexts(run)[12])


def test_a_counted_bos_is_never_shown(tiny, tmp_path):
    parts = tiny.make_parts().with_config(keep_bos=True, k_sample=200)
    run = parts.harvest(tmp_path)
    assert (load_sketch(run, "explain").sample().position[tiny.ALWAYS_ON] == 0).any()
    write_contexts(run, [tiny.ALWAYS_ON, 12], **parts.inputs, config=ContextConfig())
    assert all(tiny.BOS not in c.token_ids for c in every(load_contexts(run)))


def test_a_model_that_computes_something_else_is_refused(tiny, parts, tmp_path):
    run = parts.harvest(tmp_path)

    class Drifted(tiny.TinySubject):
        def residuals(self, tokens):
            return 1.01 * super().residuals(tokens)

    drifted = dataclasses.replace(parts, subject=Drifted())
    with pytest.raises(MismatchError, match=r"feature 12 at window \d+, position \d+: expected [\d.]+, found [\d.]+"):
        write_contexts(run, [12], **drifted.inputs, config=ContextConfig())
    other = tiny.make_model()
    with torch.no_grad():
        other.W_dec[0] += 1
    with pytest.raises(MismatchError, match="sae_fingerprint"):
        write_contexts(run, [12], **(parts.inputs | {"model": other}), config=ContextConfig())


@pytest.mark.parametrize("feature", [-1, 40])
def test_a_feature_that_does_not_exist_is_named(parts, tmp_path, feature):
    run = parts.harvest(tmp_path)
    with pytest.raises(UsageError, match=f"Feature {feature} does not exist"):
        write_contexts(run, [1, feature], **parts.inputs, config=ContextConfig())


@pytest.mark.parametrize("bad", [{"before": -1}, {"score": {"best": 1}}, {"explain": {"top": -1}}])
def test_a_config_that_means_nothing_is_refused(bad):
    with pytest.raises(UsageError, match="ContextConfig"):
        ContextConfig(**bad)
