"""What the demo says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from autointerp.cli._demo_text import describe
from autointerp.run import Manifest, RunDirectory
from autointerp.verbs import DemoResult


def rate(value: float) -> dict[str, float | int]:
    return {"k": 1, "n": 2, "rate": value, "low": 0.1, "high": 0.9}


@pytest.fixture
def finished(tmp_path: Path) -> DemoResult:
    run = RunDirectory(tmp_path)
    run.write_manifest(Manifest(config={"groups": {"random:2": [0, 1]}}))
    (tmp_path / "sae").mkdir()
    (tmp_path / "sae" / "training.jsonl").write_text('{"fvu": 0.2, "l0": 12.5}\n')
    pd.DataFrame({"feature": [0, 1], "top_tokens": [["a"], ["b"]]}).to_parquet(run.features)
    null = {"n": 7, "rates": {"label": rate(0.31), "verified": rate(0.32), "robust": rate(0.33)}}
    summary = {
        "hook_point": "blocks.0", "model": "bundled", "n_features": 2, "n_alive": 2, "n_tokens": 10,
        "groups": {"random:2": {"n": 2, "rates": {"label": rate(0.5), "verified": rate(0.4), "robust": rate(0.3)}}},
        "nulls": {"shuffled": {"verified": rate(0.05)}, "random_directions": null, "control": null},
    }  # fmt: skip
    run.summary.write_text(json.dumps(summary))
    labels = pd.DataFrame({"feature": [0, 1], "label": ["token 'a'", "token 'b'"], "outcome": ["ok", "ok"]})
    scores = pd.DataFrame({"feature": [0, 1], "balanced_accuracy": [0.9, None], "verified": [True, False]})
    return DemoResult(run=tmp_path, labels=labels, scores=scores, page=tmp_path / "report" / "index.html")


def test_every_null_that_was_run_stands_under_the_groups(finished: DemoResult) -> None:
    lines = [line.split() for line in describe(finished).splitlines()]
    cells = {line[0] if line[0] != "null" else line[1]: line for line in lines if line}
    assert cells["random:2"][2::3] == ["50%", "40%", "30%"]
    assert cells["shuffled_labels"][2:] == ["2", "5%", "[10%,", "90%]"]
    assert cells["random_directions"][3::3] == ["31%", "32%", "33%"]
    assert cells["control"][2::3] == ["31%", "32%", "33%"]
