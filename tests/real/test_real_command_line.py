"""``autointerp label`` and ``score`` against a real server: every feature has a row, whatever the model says."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from real_contract import Endpoint, journal_rows, wait_for_rows
from real_server import LlamaServer

from autointerp.export import read_labels_csv
from autointerp.run import RunDirectory
from autointerp.score import load_scores

pytestmark = pytest.mark.slow

N_FEATURES = 24
ANSWERED = {"ok", "invalid", "truncated"}

Command = Callable[..., tuple[int, str]]
Options = tuple[str | Path, ...]


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """The run that ``run_to_label`` points to."""
    return RunDirectory(tmp_path / "run")


def to(server: Endpoint | LlamaServer) -> Options:
    return "--llm", "openai:tiny", "--base-url", f"{server.root}/v1"


def test_a_wrong_key_exits_5_after_one_call(
    endpoint: Endpoint, command: Command, run_to_label: Options, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-77aa0be1")
    code, told = command("label", *run_to_label, *to(endpoint), "--max-connections", 1)
    assert code == 5, told
    assert "OPENAI_API_KEY" in told
    assert "sk-wrong" not in told
    (row,) = journal_rows(run.journal)
    assert (row.outcome, row.http_status) == ("error", 401)


@pytest.mark.real
def test_labels_and_scores_end_to_end_and_again_without_the_server(
    llama: LlamaServer, command: Command, run_to_label: Options, run: RunDirectory
) -> None:
    code, told = command("label", *run_to_label, *to(llama))
    assert code == 0, told
    labels = read_labels_csv(run.labels_csv).set_index("feature").sort_index()
    outcomes = Counter(labels["outcome"])
    assert outcomes.total() == N_FEATURES
    assert set(outcomes) <= ANSWERED
    assert outcomes["ok"] > 0
    assert (labels["label"] != "").tolist() == (labels["outcome"] == "ok").tolist()
    last = {row.key: row.outcome for row in journal_rows(run.journal)}
    assert Counter(last.values()) == outcomes

    code, told = command("score", run.path)
    assert code == 0, told
    scores = load_scores(run).set_index("feature").sort_index()
    assert scores.index.tolist() == labels.index.tolist()
    unasked = scores["reason"].str.startswith("too few held-out contexts")
    assert set(scores["outcome"][~unasked]) <= ANSWERED
    unlabelled = labels["outcome"] != "ok"
    assert (scores["outcome"][unlabelled] == labels["outcome"][unlabelled]).all()
    monosemantic = labels["verdict"] == "MONOSEMANTIC"
    assert (scores["scored"] == monosemantic & (scores["outcome"] == "ok")).all()
    assert scores["scored"].any()

    files = run.labels_csv, run.scores_csv
    before, n_rows = [file.read_bytes() for file in files], len(journal_rows(run.journal))
    llama.kill()
    assert command("label", *run_to_label, "--resume", *to(llama))[0] == 0
    assert command("score", run.path)[0] == 0
    assert [file.read_bytes() for file in files] == before
    assert len(journal_rows(run.journal)) == n_rows


@pytest.mark.real
@pytest.mark.faults
def test_a_server_killed_on_the_way_leaves_errors_that_resume_makes_up_for(
    llama: LlamaServer, command: Command, run_to_label: Options, run: RunDirectory
) -> None:
    def kill_when_some_are_answered() -> None:
        wait_for_rows(run.journal, N_FEATURES // 3)
        llama.freeze()  # what is on its way now stays there
        llama.kill()

    killer = threading.Thread(target=kill_when_some_are_answered)
    killer.start()
    arguments = "label", *run_to_label, "--resume", *to(llama), "--max-connections", N_FEATURES
    code, told = command(*arguments)
    killer.join()
    assert code == 4, told
    labels = read_labels_csv(run.labels_csv)
    outcomes = Counter(labels["outcome"])
    assert outcomes.total() == N_FEATURES
    assert outcomes["ok"] > 0
    assert outcomes["error"] > 0
    assert "requests brought no answer" in told
    answered = {(row.key, row.ask) for row in journal_rows(run.journal) if row.outcome != "error"}

    llama.start()
    code, told = command(*arguments)
    assert code == 0, told
    assert set(read_labels_csv(run.labels_csv)["outcome"]) <= ANSWERED
    asks = Counter((row.key, row.ask) for row in journal_rows(run.journal) if row.outcome != "error")
    assert answered <= set(asks)
    assert set(asks.values()) == {1}  # nothing that was answered was asked again
