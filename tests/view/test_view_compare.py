from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import autointerp
from autointerp.gate import compare, make_baseline
from autointerp.label import load_label_rows
from autointerp.label._row import write_labels
from autointerp.run import RunDirectory
from autointerp.score import load_score_rows, write_summary
from autointerp.score._row import write_scores


@pytest.fixture
def changed(run: RunDirectory, tmp_path: Path) -> RunDirectory:
    """Another copy, whose second label has other words, and whose first is not verified any more."""
    other = RunDirectory(Path(shutil.copytree(run.path, tmp_path / "other")))
    labels, scores = load_label_rows(other), load_score_rows(other)
    labels[1] = dataclasses.replace(labels[1], label="quite another")
    scores[0] = dataclasses.replace(scores[0], verified=not scores[0].verified)
    write_labels(other, labels)
    write_scores(other, scores)
    write_summary(other)
    return other


def compared(make_site, run: RunDirectory, other: RunDirectory) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(make_site(run, other).document("compare"))
    return found


def test_what_changed_is_named(make_site, run: RunDirectory, changed: RunDirectory) -> None:
    found = compared(make_site, changed, run)
    rows = {row["feature"]: row for row in found["features"]}
    ids = sorted(rows)
    assert found["same_sae"]
    assert ids == [row.feature for row in load_label_rows(run)]
    assert rows[ids[1]]["changed"] == ["label"]
    assert rows[ids[1]]["label_a"] == "quite another"
    assert rows[ids[0]]["changed"] == ["verified"]
    assert rows[ids[0]]["verified_a"] != rows[ids[0]]["verified_b"]
    assert all(not rows[feature]["changed"] for feature in ids[2:])
    assert (found["a"]["title"], found["b"]["title"]) == ("other", "run")
    assert (found["only_a"], found["only_b"]) == (0, 0)


def test_rates_stand_side_by_side(make_site, run: RunDirectory, changed: RunDirectory) -> None:
    found = compared(make_site, changed, run)
    verified = {row["group"]: row for row in found["rates"] if row["rate"] == "verified"}
    assert list(verified) == ["top5", "random:9"]
    assert sum(row["a"]["k"] - row["b"]["k"] for row in verified.values()) != 0


def test_the_gate_has_its_say(make_site, run: RunDirectory, changed: RunDirectory) -> None:
    found = compared(make_site, changed, run)["gate"]
    result = compare(changed, make_baseline(run))
    assert found["verdict"] == result.status
    assert found["sentence"] == result.verdict_line()
    assert found["numbers"]["n"] == result.n


def test_runs_that_the_gate_refuses_are_still_shown(make_site, run: RunDirectory, changed: RunDirectory) -> None:
    changed.update(lambda manifest: setattr(manifest.labeler, "prompt", "rules@0"))
    found = compared(make_site, changed, run)
    assert found["gate"]["verdict"] == "not comparable"
    assert "rules@0" in found["gate"]["sentence"]
    assert found["rates"]


def test_of_another_sae_there_are_rates_alone(make_site, run: RunDirectory, changed: RunDirectory) -> None:
    changed.update(lambda manifest: setattr(manifest.sae, "sha256", "0" * 64))
    found = compared(make_site, changed, run)
    assert not found["same_sae"]
    assert found["features"] == []
    assert found["only_a"] is None
    assert found["rates"]


def test_without_another_run_there_is_no_comparison(make_site, run: RunDirectory) -> None:
    site = make_site(run)
    assert "compare" not in site.names
    with pytest.raises(KeyError):
        site.document("compare")
    assert json.loads(site.document("run"))["compare"] is False


def test_the_verb_is_a_function_of_the_package() -> None:
    assert autointerp.view.__name__ == "view"
