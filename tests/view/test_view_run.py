"""``run.json`` and ``listing.json``: do they say what the run's files say?"""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from autointerp.errors import UsageError
from autointerp.harvest import load_features
from autointerp.label import load_label_rows
from autointerp.label._row import write_labels
from autointerp.run import RunDirectory
from autointerp.score import load_score_rows
from autointerp.view import Opened


def column(listing: Mapping[str, Any], name: str) -> list[Any]:
    """A column, whatever its form."""
    found, n = listing["columns"][name], listing["n"]
    if found == "range":
        return list(range(n))
    if isinstance(found, list):
        return found
    if "codes" in found:
        return [None if code is None else found["values"][code] for code in found["codes"]]
    if "column" in found:
        return [value * found["times"] for value in column(listing, found["column"])]
    sparse = dict(zip(found["index"], found["value"], strict=True))
    return [sparse.get(row) for row in range(n)]


def test_the_run_is_summed_up_as_its_summary_does(run: RunDirectory, documents: Mapping[str, Any]) -> None:
    page, summary = documents["run"], json.loads(run.summary.read_text())
    assert [group["name"] for group in page["groups"]] == ["top5", "random:9"]
    for group in page["groups"]:
        for name, rate in summary["groups"][group["name"]]["rates"].items():
            assert group["rates"][name]["k"] == rate["k"]
            assert group["rates"][name]["low"] == pytest.approx(rate["low"], rel=1e-3)
    shuffled = summary["nulls"]["shuffled"]
    assert page["nulls"][0]["name"] == "shuffled"
    assert page["nulls"][0]["rates"]["verified"]["n"] == shuffled["verified"]["n"]
    assert page["nulls"][0]["groups"]["top5"]["rates"]["verified"]["k"] == shuffled["groups"]["top5"]["verified"]["k"]
    assert (page["n_features"], page["n_alive"], page["dead"]["never"]) == (14, 13, 1)
    assert page["model"]["name"] == "bundled"
    assert (page["labeler"], page["judge"]) == ("rules", "rules")
    assert page["notes"] == []
    assert page["failures"] == []


def test_every_feature_is_in_the_listing(run: RunDirectory, documents: Mapping[str, Any]) -> None:
    listing, frame = documents["listing"], load_features(run)
    assert listing["n"] == len(frame)
    assert column(listing, "feature") == frame["feature"].tolist()
    assert column(listing, "n_active") == frame["n_active"].tolist()
    np.testing.assert_allclose(column(listing, "density"), frame["density"], rtol=1e-3)
    for name in ("max_activation", "selectivity"):
        np.testing.assert_allclose(np.array(column(listing, name), float), frame[name], rtol=5e-3)
    assert column(listing, "top_token") == [tokens[0] if tokens else None for tokens in frame["top_tokens"]]
    twins = column(listing, "duplicate_of")
    assert [twin is None for twin in twins] == frame["duplicate_of"].isna().tolist()
    assert twins[13] == 0
    labels = {row.feature: row for row in load_label_rows(run)}
    scores = {row.feature: row for row in load_score_rows(run)}
    for feature in range(listing["n"]):
        label, score = labels.get(feature), scores.get(feature)
        assert column(listing, "label")[feature] == (label.label if label else None)
        assert column(listing, "verified")[feature] == (score.verified if score else None)
        assert column(listing, "bottom_verdict")[feature] == (score.bottom_verdict if score else None)


def test_groups_are_numbers_of_the_runs_groups(documents: Mapping[str, Any]) -> None:
    groups = column(documents["listing"], "groups")
    for number, group in enumerate(documents["run"]["groups"]):
        assert sum(number in (own or []) for own in groups) == group["n"]


def test_columns_that_few_rows_fill_name_those_rows(documents: Mapping[str, Any]) -> None:
    columns = documents["listing"]["columns"]
    twins = columns["duplicate_of"]
    assert (twins["index"][-1], twins["value"][-1]) == (13, 0)
    assert len(twins["index"]) == len(twins["value"]) < 7
    assert columns["fuzzing_ba"] == {"index": [], "value": []}


def test_what_failed_is_told_with_its_reason(run: RunDirectory, make_site) -> None:
    rows = load_label_rows(run)
    for number in (1, 4):
        rows[number] = dataclasses.replace(rows[number], outcome="refused", reason="I can't", label="", verdict=None)
    rows[2] = dataclasses.replace(rows[2], outcome="error", reason="HTTP 500", label="", verdict=None)
    write_labels(run, rows)
    page = json.loads(make_site(run).document("run"))
    assert page["failures"] == [
        {"stage": "label", "outcome": "refused", "reason": "I can't", "n": 2,
         "features": [rows[1].feature, rows[4].feature]},
        {"stage": "label", "outcome": "error", "reason": "HTTP 500", "n": 1, "features": [rows[2].feature]},
    ]  # fmt: skip


def test_a_run_that_is_only_harvested_can_be_looked_at(run: RunDirectory, make_site) -> None:
    for file in (run.labels, run.scores, run.contexts, run.summary):
        file.unlink()
    run.update(lambda manifest: manifest.config.pop("groups"))
    site = make_site(run)
    page = json.loads(site.document("run"))
    assert site.names == ["run", "listing"]
    assert page["detailed"] == page["groups"] == []
    assert page["notes"][:2] == ["No features are labelled yet.", "There are no contexts."]
    assert column(json.loads(site.document("listing")), "label") == [None] * 14


def test_before_the_harvest_there_is_nothing_to_look_at(run: RunDirectory) -> None:
    run.features.unlink()
    with pytest.raises(UsageError, match="Harvest first"):
        Opened(run)


def test_a_broken_summary_is_named(run: RunDirectory) -> None:
    run.summary.write_text("{")
    with pytest.raises(UsageError, match=r"summary\.json: can't be read"):
        _ = Opened(run).summary


def test_25_000_features_are_a_listing_of_a_few_hundred_kilobytes(run: RunDirectory, make_site) -> None:
    frame, n, chance = load_features(run), 25_000, np.random.default_rng(0)
    many = frame.iloc[chance.integers(0, 12, n)].reset_index(drop=True)
    many["feature"] = range(n)
    many["n_active"] = chance.integers(10, 5_000, n)
    many["density"] = many["n_active"] / 1_000_000
    many["max_activation"], many["selectivity"] = chance.lognormal(3, 1, n), chance.lognormal(1, 1, n)
    many["rank"] = chance.permutation(n) + 1
    many["top_tokens"] = [[f" token{number}"] for number in chance.integers(0, 4_000, n)]
    many.to_parquet(run.features)
    text = make_site(run).document("listing").encode("utf-8")
    assert len(text) < 800_000
    assert len(gzip.compress(text)) < 300_000
    back = json.loads(text)
    np.testing.assert_allclose(column(back, "density"), many["density"], rtol=1e-3)
    assert column(back, "top_token") == [tokens[0] for tokens in many["top_tokens"]]
