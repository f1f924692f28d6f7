"""A feature's details, each held against another way to know it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

import sae
from autointerp.corpus import Windows
from autointerp.harvest import load_contexts, load_features
from autointerp.label import load_label_rows
from autointerp.run import RunDirectory, visible
from autointerp.score import load_score_rows
from autointerp.stats import wilson
from autointerp.subject import load_subject

Features = Mapping[int, Any]


@pytest.fixture(scope="module")
def subject():
    return load_subject("bundled", hook_point="blocks.0.hook_resid_pre")


@pytest.fixture(scope="module")
def model(made) -> sae.SAE:
    return sae.load(made / "sae")


def test_every_selected_feature_has_details(documents: Mapping[str, Any], features: Features) -> None:
    run = documents["run"]
    assert sorted(features) == run["detailed"]
    for number, feature in enumerate(run["detailed"]):
        assert str(feature) in documents[f"features/{number // run['shard_size']}"]["features"]


def test_labels_and_statistics_are_those_of_the_run(run: RunDirectory, features: Features) -> None:
    frame = load_features(run).set_index("feature")
    for row in load_label_rows(run):
        page = features[row.feature]
        assert (page["label"], page["verdict"], page["evidence"]) == (row.label, row.verdict, row.evidence)
        assert page["statistics"]["n_active"] == frame.loc[row.feature, "n_active"]
        assert page["statistics"]["quantiles"]["q50"] == pytest.approx(frame.loc[row.feature, "q50"], rel=1e-3)
        assert page["missing"].keys() <= {"judged"}


def test_histogram_and_positions_count_every_activation(features: Features) -> None:
    for page in features.values():
        n_active = page["statistics"]["n_active"]
        if not n_active:
            assert page["histogram"] is None
            continue
        histogram, positions = page["histogram"], page["positions"]
        assert sum(histogram["counts"]) == n_active
        assert len(histogram["edges"]) == len(histogram["counts"]) + 1
        assert histogram["edges"] == sorted(histogram["edges"])
        assert histogram["edges"][0] <= histogram["deciles"][0] <= histogram["deciles"][-1] <= histogram["edges"][-1]
        assert len(histogram["deciles"]) == 9
        active = [share * n for share, n in zip(positions["share_active"], positions["n"], strict=True) if n]
        assert sum(active) == pytest.approx(n_active, rel=1e-3)
        assert positions["share_active"][0] is None  # BOS never counts


def test_top_tokens_and_their_classes(features: Features) -> None:
    words = {feature: page for feature, page in features.items() if page["label"] == "token ' self'"}
    for page in words.values():
        assert page["top_tokens"][0]["token"] == " self"
        assert page["top_tokens"][0]["class"] == "word"
    assert words
    for page in features.values():
        if page["top_tokens"]:
            assert sum(page["token_classes"].values()) == pytest.approx(1, abs=1e-3)


def test_the_judge_is_right_as_often_as_the_scores_say(run: RunDirectory, features: Features) -> None:
    scored = [row for row in load_score_rows(run) if row.scored]
    for row in scored:
        held_out = {(one["window"], one["position"]): one for one in features[row.feature]["contexts"]
                    if one["split"] == "score"}  # fmt: skip
        says = {True: 0, False: 0}
        for one in held_out.values():
            is_positive = not one["stratum"].startswith("negative")
            assert one["judged"]["right"] == (one["judged"]["says"] == is_positive)
            says[is_positive] += one["judged"]["says"]
        assert says[False] == row.fp
        assert says[True] >= row.tp
        curve = features[row.feature]["deciles"]
        assert curve["hits"] == row.decile_hits
        assert curve["low"][3] == pytest.approx(wilson(row.decile_hits[3], row.decile_n[3]).low, abs=1e-3)
        assert curve["false_alarms"]["hard"] == [row.hard_alarms, row.hard_n]
    assert scored


def test_scores_stand_beside_their_floors(run: RunDirectory, features: Features) -> None:
    row = next(row for row in load_score_rows(run) if row.scored)
    (detection,) = features[row.feature]["scores"]
    floor = json.loads(run.summary.read_text())["nulls"]["shuffled"]["floor"]
    assert detection["value"] == pytest.approx(row.balanced_accuracy, rel=1e-3)
    assert detection["floor"] == pytest.approx(max(0.5, floor), rel=1e-3)
    assert detection["floors"]["token identity"] == pytest.approx(row.floor_token_identity, rel=1e-3)
    assert detection["bottom"]["lowest_decile"] == [row.d0_hits, row.d0_n]


def test_contexts_are_numbered_as_evidence_points(run: RunDirectory, features: Features) -> None:
    for feature, contexts in load_contexts(run).items():
        explain = [one for one in features[feature]["contexts"] if one["split"] == "explain"]
        assert [one["number"] for one in explain] == list(range(1, len(explain) + 1))
        assert all(one["shown"] for one in explain)  # rules see all
        assert [tuple(one["tokens"]) for one in features[feature]["contexts"]] == [one.tokens for one in contexts]


def test_more_context_is_what_stands_around(run: RunDirectory, features: Features, subject) -> None:
    windows, cut = Windows.open(run.windows), 0
    for page in features.values():
        for one in page["contexts"]:
            row = windows.tokens[one["window"], : windows.lengths[one["window"]]]
            text = "".join(one["more"]["before"] + one["tokens"] + one["more"]["after"])
            whole = "".join(subject.pieces(row.tolist()))
            assert text in whole
            begin = one["position"] - one["peak"]
            assert len(one["more"]["before"]) == min(16, begin)
            cut += len(one["more"]["after"]) < 16
    assert cut


def test_promoted_tokens_are_those_of_the_unembedding(features: Features, subject, model: sae.SAE) -> None:
    weights = {name.removesuffix("._original_component.weight"): value
               for name, value in subject._bridge.original_model.named_parameters()}  # fmt: skip
    gain = next(value for name, value in weights.items() if name.endswith("model.norm"))
    unembedding = subject._bridge.unembed.W_U.detach()  # [d, v]
    for feature, page in features.items():
        logits = torch.nn.functional.normalize(model.W_dec[feature], dim=-1) * gain.detach() @ unembedding
        first, last = subject.pieces([int(logits.argmax()), int(logits.argmin())])
        assert page["logits"]["promoted"][0][0] == visible(first)
        assert page["logits"]["suppressed"][0][0] == visible(last)
        values = [value for _, value in page["logits"]["promoted"]]
        assert values == sorted(values, reverse=True)


def test_nearest_features_by_direction(features: Features, model: sae.SAE) -> None:
    rows = torch.nn.functional.normalize(model.W_dec.detach(), dim=-1).numpy()
    cosine = rows @ rows.T
    for feature, page in features.items():
        found = page["nearest"]["decoder"]
        others = np.delete(np.arange(len(rows)), feature)
        best = others[np.argsort(-cosine[feature, others], kind="stable")][:10]
        assert [value for _, value in found] == pytest.approx(
            [c for c in cosine[feature, best] if c > 0][: len(found)], abs=2e-3
        )
        assert feature not in [other for other, _ in found]


def test_nearest_features_by_firing(run: RunDirectory, features: Features, subject, model: sae.SAE) -> None:
    windows = Windows.open(run.windows)
    position = np.arange(windows.context_length)
    counts = (position >= 2) & (position < windows.lengths[:, None])  # BOS and the first token are left out
    active = (model.encode(subject.residuals(torch.from_numpy(windows.tokens.astype(np.int64)))) > 0).numpy()[counts]
    for feature, page in features.items():
        for other, share in page["nearest"]["coactive"]:
            both = (active[:, feature] & active[:, other]).sum()
            assert share == pytest.approx(both / (active[:, feature] | active[:, other]).sum(), rel=1e-3)
            assert both >= 3
    twins = {feature: dict(page["nearest"]["coactive"]) for feature, page in features.items() if feature in (0, 13)}
    assert all(near[13 - feature] == 1 for feature, near in twins.items())
