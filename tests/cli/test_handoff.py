"""A person, or any program, labels and scores a run through two files."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

LABEL = {"reasoning": "seen", "verdict": "MONOSEMANTIC", "label": "a kind of token", "confidence": 3, "evidence": [1]}


def requests(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def answer(requests_file: Path, replies_file: Path) -> None:
    """All it takes: the id, and an object that fits the schema."""
    lines = []
    for number, request in enumerate(requests(requests_file)):
        asked_for = set(request["reply_schema"]["required"])
        reply = {"active": [1]} if asked_for == {"active"} else LABEL | {"label": f"kind {number}"}
        assert asked_for == set(reply)
        lines.append(json.dumps({"custom_id": request["custom_id"], "reply": reply}))
    replies_file.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--llm", "jsonl"), "--requests-out FILE"),
        (("--llm", "jsonl", "--replies-in", "{tmp}/none.jsonl"), "none.jsonl: no such file"),
        (("--llm", "rules", "--requests-out", "{tmp}/out.jsonl"), "go with --llm jsonl"),
        (("--llm", "openai:m", "--requests-out", "{tmp}/out.jsonl"), "go with --llm jsonl"),
    ],
)
def test_files_and_provider_must_go_together(command, tmp_path: Path, arguments, message: str) -> None:
    named = [one.format(tmp=tmp_path) for one in arguments]
    ended = command("label", "--sae", "no/such/sae", "--out", tmp_path / "run", *named)
    assert ended.code == 2
    assert message in ended.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_run_is_labelled_and_scored_through_files(command, small_run: Path, tmp_path: Path) -> None:
    run, out, back = tmp_path / "run", tmp_path / "requests.jsonl", tmp_path / "replies.jsonl"
    shutil.copytree(small_run, run)

    ended = command("label", "--out", run, "--resume", "--llm", "jsonl:me", "--requests-out", out)
    assert ended.code == 4
    assert f"autointerp label --out {run} --resume --llm jsonl:me --replies-in FILE" in ended.err
    n_features = len(requests(out))
    assert n_features > 5
    answer(out, back)
    whole = back.read_text(encoding="utf-8").splitlines(keepends=True)

    back.write_text("".join(whole[1:])[:-20], encoding="utf-8")  # one is not answered, and one is torn
    again = ("label", "--out", run, "--resume", "--llm", "jsonl:me", "--replies-in", back)
    ended = command(*again, "--requests-out", out)
    assert ended.code == 4
    assert f"replies taken in: {n_features - 2}; torn or unreadable lines" in ended.err
    assert len(requests(out)) == 2

    answer(out, back)
    assert command(*again).code == 0
    with (run / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["outcome"] == "ok"]
    assert {row["llm"] for row in rows} == {"jsonl:me"}
    assert all(row["label"].startswith("kind ") and float(row["cost_usd"]) == 0 for row in rows)

    ended = command("score", run, "--requests-out", out)  # by default the labeler is the judge
    assert ended.code == 4
    assert f"autointerp score {run} --llm jsonl:me --replies-in FILE" in ended.err
    answer(out, back)
    ended = command("score", run, "--replies-in", back)
    assert ended.code == 0
    assert "verified" in ended.err
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert summary["cost_usd"] == 0
    assert all(group["rates"]["verified"]["n"] > 0 for group in summary["groups"].values())
    assert command("score", run).code == 0  # all of it is in the journal
