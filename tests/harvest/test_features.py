"""``features.parquet`` says what the activations say."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
import torch

from autointerp.harvest import Peaks, load_features
from autointerp.harvest._duplicates import join_groups, same_windows

COLUMNS = [
    "feature", "n_active", "density", "mean_activation", "max_activation", "std_activation",
    "q01", "q10", "q25", "q50", "q75", "q90", "q99", "selectivity", "rank", "duplicate_of",
    "dead_never", "dead_threshold", "dead_topk", "dead_train", "top_tokens", "n_active_explain", "n_active_score",
]  # fmt: skip


@pytest.fixture
def harvested(parts, tmp_path):
    run = parts.harvest(tmp_path)
    return parts, load_features(run)


def test_columns_and_nulls(harvested, tiny):
    _, table = harvested
    assert table.columns.tolist() == COLUMNS
    assert table["feature"].tolist() == list(range(tiny.D_SAE))
    dead = table.loc[tiny.NEVER_ON]
    assert dead["n_active"] == 0
    assert dead[["mean_activation", "max_activation", "q50", "selectivity", "rank", "duplicate_of"]].isna().all()
    assert dead[["dead_never", "dead_threshold", "dead_topk", "dead_train"]].all()
    assert dead["top_tokens"] == []
    assert table["rank"].dtype == table["duplicate_of"].dtype == "Int64"
    assert table["dead_train"].dtype == "boolean"
    assert table["dead_train"].sum() == 1


def test_statistics_equal_a_dense_reference(harvested):
    parts, table = harvested
    own = parts.dense()[parts.counts()].astype(np.float64)
    active = own > 0
    n = active.sum(0)
    assert (table["n_active"] == n).all()
    assert (table["n_active_explain"] + table["n_active_score"] == n).all()
    assert np.allclose(table["density"], active.mean(0))
    live = n > 0
    mean = own.sum(0)[live] / n[live]
    assert np.allclose(table["mean_activation"][live], mean, rtol=1e-4)
    assert np.allclose(
        table["std_activation"][live], [own[active[:, f], f].std() for f in np.flatnonzero(live)], atol=1e-4
    )
    assert np.allclose(table["max_activation"][live], own.max(0)[live], rtol=1e-4)
    assert (table["dead_threshold"] == (own.max(0) <= 0.07)).all()
    enough = n >= 10
    assert np.allclose(
        table["selectivity"][enough], (own.sum(0)[enough] / n[enough]) / np.log(n[enough] + 1), rtol=1e-4
    )
    assert table["selectivity"].isna().tolist() == (~enough).tolist()


def test_rank_1_is_the_most_selective(harvested):
    _, table = harvested
    ranked = table.dropna(subset=["rank"]).sort_values("rank")
    assert ranked["rank"].tolist() == list(range(1, table["selectivity"].notna().sum() + 1))
    assert ranked["selectivity"].is_monotonic_decreasing


def test_a_decoder_twin_points_at_the_lowest_index(harvested, tiny):
    _, table = harvested
    assert table["duplicate_of"][tiny.TWIN] == tiny.TWIN_OF
    assert table["duplicate_of"].notna().sum() == 1


def test_features_with_the_same_windows_are_one(tiny, tmp_path):
    parts = tiny.make_parts(n=150).with_config(k_top=25)
    model = tiny.make_model()
    with torch.no_grad():
        model.W_enc[:, 30], model.b_enc[30] = 2 * model.W_enc[:, 14], 2 * model.b_enc[14]
    table = load_features(dataclasses.replace(parts, model=model).harvest(tmp_path))
    assert table["duplicate_of"][30] == 14


def test_same_windows_needs_20_and_the_same_positions():
    window = np.tile(np.arange(24), (5, 1))
    position = np.full((5, 24), 3)
    position[1, 7] = 4  # the same windows, another peak
    window[2, 19:] = position[2, 19:] = -1  # 19 windows
    window[3, 19:] = position[3, 19:] = -1
    window[4], position[4] = window[4, ::-1].copy(), position[4]  # another order
    top = Peaks(window, position, np.ones((5, 24), np.float32))
    assert same_windows(top, context_length=8).tolist() == [0, 1, 2, 3, 0]


def test_overlapping_groups_join_under_the_lowest_index():
    assert join_groups([np.array([0, 1, 2, 2, 4]), np.array([0, 1, 1, 3, 4])]).tolist() == [0, 1, 1, 1, 4]


def test_top_tokens_are_the_most_frequent_at_the_peaks(harvested):
    parts, table = harvested
    acts = np.where(parts.counts()[..., None], parts.dense(), 0)
    for f in (3, 12, 20):
        windows = np.argsort(-acts[:, :, f].max(1), kind="stable")[: parts.config.k_top]
        windows = [w for w in windows if acts[w, :, f].max() > 0]
        tokens = [int(parts.windows.tokens[w, acts[w, :, f].argmax()]) for w in windows]
        count = Counter(tokens)
        expected = sorted(count, key=lambda t: (-count[t], tokens.index(t)))[:5]
        assert table["top_tokens"][f] == parts.subject.pieces(expected)


def test_a_model_without_training_record_has_null_dead_train(parts, tmp_path):
    import sae

    model = parts.model
    cfg = dataclasses.replace(model.cfg, metadata=sae.SAEMetadata())
    weights = {name: getattr(model, name).data for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    table = load_features(dataclasses.replace(parts, model=sae.SAE(cfg, **weights)).harvest(tmp_path))
    assert table["dead_train"].isna().all()
