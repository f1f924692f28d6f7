"""``score --nulls`` and ``reliability`` as a user runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

NULLS = ("shuffled_activations", "random_directions", "frozen_random_decoder", "reinitialised_model", "control")


def test_unknown_nulls_are_refused(command, tmp_path: Path) -> None:
    ended = command("score", tmp_path / "none", "--nulls", "shuffled_labels,noise")
    assert ended.code == 2
    assert "'noise' is not a null. Known: all, shuffled_labels" in ended.err


@pytest.mark.slow
def test_all_nulls_beside_the_run_and_nothing_twice(command, small_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(small_run, tmp_path / "run"))
    scores = (run / "scores.csv").read_bytes()
    ended = command("score", run, "--nulls", "all", "--null-features", 12)
    assert ended.code == 0, ended.err
    assert (run / "scores.csv").read_bytes() == scores
    summary = json.loads((run / "summary.json").read_text())
    assert set(summary["nulls"]) == {"shuffled", *NULLS}
    for name in NULLS:
        null = summary["nulls"][name]
        assert null["n"] <= 12
        assert {"k", "n", "rate", "low", "high"} <= set(null["rates"]["verified"])
        assert any(line.startswith((f"null {name} ", f"{name} ")) for line in ended.err.splitlines())
        for file in ("labels.csv", "scores.csv", "summary.json", "run.json"):
            assert (run / "nulls" / name / file).is_file()
    real = summary["groups"]["random:20"]["rates"]["verified"]
    assert summary["nulls"]["shuffled_activations"]["rates"]["verified"]["rate"] < real["rate"]
    assert summary["nulls"]["random_directions"]["rates"]["verified"]["rate"] < real["rate"]
    assert "up to" not in ended.err
    assert "rules cost nothing" in ended.err

    contexts = {name: (run / "nulls" / name / "contexts.parquet").stat().st_mtime_ns for name in NULLS}
    again = command("score", run, "--nulls", "all", "--null-features", 12, "--json")
    assert again.code == 0, again.err
    assert json.loads(again.out)["nulls"] == summary["nulls"]
    for name in NULLS:
        assert (run / "nulls" / name / "contexts.parquet").stat().st_mtime_ns == contexts[name]


@pytest.mark.slow
def test_reliability_of_rules_is_about_near_duplicates(command, small_run: Path, tmp_path: Path) -> None:
    import pandas as pd

    run = Path(shutil.copytree(small_run, tmp_path / "run"))
    features = pd.read_parquet(run / "features.parquet")
    first, second = features.sort_values("n_active")["feature"].tail(2)
    features.loc[features["feature"] == second, "duplicate_of"] = first
    features.to_parquet(run / "features.parquet")
    ended = command("reliability", run)
    assert ended.code == 0, ended.err
    assert "near-duplicates: same label verdict" in ended.out
    assert ended.err.splitlines()[-1] == "reliability: rules alone label and judge, so nothing flips"
    found = json.loads((run / "reliability.json").read_text())
    assert found["deterministic"]
    assert found["twins"]["n_pairs"] >= 1
    baseline = json.loads(command("baseline", run).out)
    assert baseline["noise"] == {"flip_rate": 0.0, "n": 0}


def test_reliability_needs_scores(command, tmp_path: Path) -> None:
    from autointerp.run import RunDirectory

    RunDirectory(tmp_path / "run").update(lambda _: None)
    ended = command("reliability", tmp_path / "run")
    assert ended.code == 2
    assert "Run 'autointerp score" in ended.err


def test_the_table_has_a_row_a_group_and_a_row_a_null(capfd) -> None:
    from autointerp.cli._nulls_table import print_table

    def rate(k: int, n: int) -> dict[str, float]:
        return {"k": k, "n": n, "rate": k / n if n else None, "low": 0.1, "high": 0.9}

    rates = {"label": rate(3, 4), "verified": rate(1, 4), "robust": rate(0, 0)}
    nulls = {"shuffled": {"verified": rate(0, 3)}, "random_directions": {"n": 2, "rates": rates}}
    print_table({"groups": {"random:4": {"n": 4, "rates": rates}}, "nulls": nulls})
    header, real, shuffled, null = capfd.readouterr().err.splitlines()
    assert header.split() == ["n", "label", "verified", "robust"]
    assert real.split()[:3] == ["random:4", "4", "75%"]
    assert real.endswith("n/a")
    assert shuffled.split()[:5] == ["null", "shuffled_labels", "3", "-", "0%"]
    assert null.split()[:4] == ["null", "random_directions", "2", "75%"]
    print_table({"groups": {}, "nulls": {}})
    assert capfd.readouterr().err == ""
