"""``retry``: what ended badly is asked again, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from llm_canary import CANARY as KEY
from llm_scripted_server import Answer, Call, ScriptedServer, error

import autointerp
from autointerp.cli import main
from autointerp.errors import IncompleteError, ProviderFatalError, UsageError
from autointerp.harvest import Context
from autointerp.label import label_features, load_labels
from autointerp.llm import Asking, Journal, Limits
from autointerp.run import RunDirectory, exclusive
from autointerp.score import load_scores, score_features
from autointerp.verbs import Retried

LABEL = {"reasoning": "r", "verdict": "MONOSEMANTIC", "confidence": 5, "evidence": [1]}
Maker = Callable[..., RunDirectory]


class Model(ScriptedServer):
    """Names a feature by its strongest token, and finds it by that name, unless told to fail at it."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: dict[str, Answer] = {}
        """Token -> what comes instead of a label or a judgement for it, told by ``label TOKEN`` or ``score TOKEN``."""
        self.asked: Counter[str] = Counter()
        self.otherwise = self.answer

    def answer(self, call: Call) -> Answer:
        user = call.body["messages"][1]["content"].splitlines()
        if user[0].startswith("Description: "):
            token = json.loads(user[0].removeprefix("Description: ")).removeprefix("the token ")
            what = f"score {token}"
            lines = [line.split(": ", 1) for line in user[2:-1]]
            text = json.dumps({"active": [int(number) for number, words in lines if token in json.loads(words)]})
        else:
            token = json.loads(user[1])[2].strip()
            what, text = f"label {token}", json.dumps(LABEL | {"label": f"the token {token}"})
        self.asked[what] += 1
        return self.failing.get(what) or Answer(text)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    running = Model()
    yield running
    running.close()


@pytest.fixture
def labelled(make_run: Maker, planted: dict[int, list[Context]], model: Model) -> RunDirectory:
    """Features 0 (=), 1 (self), 2 (a digit), 5 (Paris); 0 is refused, 1 does not exist for the server, 2 is odd."""
    run = make_run({feature: planted[feature] for feature in (0, 1, 2, 5)})
    model.failing = {"label =": Answer(stop="refused"), "label self": error(404), "label Paris": Answer("odd")}
    with pytest.raises(IncompleteError, match="1 of 4 requests brought no answer"):
        label_features(run, llm="openai:m", asking=Asking(base_url=f"{model.root}/v1"))
    model.failing, model.asked = {}, Counter()
    return run


def outcomes(run: RunDirectory) -> list[str]:
    return list(load_labels(run)["outcome"])


def test_only_what_is_named_is_asked_again(labelled: RunDirectory, model: Model) -> None:
    before = load_labels(labelled)
    assert outcomes(labelled) == ["refused", "error", "ok", "invalid"]
    assert autointerp.retry(labelled.path, only="refused") == Retried(1, 0)
    assert model.asked == {"label =": 1}
    after = load_labels(labelled)
    assert outcomes(labelled) == ["ok", "error", "ok", "invalid"]
    pd.testing.assert_frame_equal(after[1:], before[1:])
    assert (after["tokens_in"][0], before["tokens_in"][0]) == (200, 100)
    assert labelled.labels_csv.read_text(encoding="utf-8").count("the token =") == 1
    assert json.loads(labelled.summary.read_text(encoding="utf-8"))["groups"]["ids"]["rates"]["label"]["n"] == 2
    assert autointerp.retry(labelled.path) == Retried(2, 0)
    assert model.asked == {"label =": 1, "label self": 1, "label Paris": 1}
    assert outcomes(labelled) == ["ok"] * 4
    assert autointerp.retry(labelled.path, only="error,invalid,truncated,refused,filtered") == Retried(0, 0)
    assert sum(model.asked.values()) == 3


def test_scores_are_retried_and_made_anew_for_new_labels(labelled: RunDirectory, model: Model) -> None:
    asking = Asking(base_url=f"{model.root}/v1")
    token = load_labels(labelled)["label"][2].removeprefix("the token ")
    autointerp.retry(labelled.path, only="error")
    model.failing = {"score self": Answer('{"active": [999]}')}
    score_features(labelled, llm="openai:m", asking=asking)
    scores = load_scores(labelled)
    assert list(scores["outcome"]) == ["refused", "invalid", "ok", "invalid"]
    assert list(scores["shuffled_outcome"].dropna()) == ["ok", "invalid"]
    model.failing, model.asked = {}, Counter()
    assert autointerp.retry(labelled.path, only="truncated") == Retried(0, 0)
    assert autointerp.retry(labelled.path, only="invalid") == Retried(1, 2)
    assert model.asked["label Paris"] == 1
    assert model.asked["label ="] == model.asked["label self"] == 0
    scores = load_scores(labelled)
    assert list(scores["outcome"]) == ["refused", "ok", "ok", "ok"]
    assert labelled.is_done("scores")
    assert f"score {token}" in model.asked


def test_a_judgement_is_retried_alone(labelled: RunDirectory, model: Model) -> None:
    autointerp.retry(labelled.path, only="error,invalid,refused")
    model.failing = {"score self": error(404)}
    asking = Asking(base_url=f"{model.root}/v1")
    with pytest.raises(IncompleteError, match="requests brought no answer"):
        score_features(labelled, llm="openai:m", asking=asking)
    before = labelled.labels.read_bytes()
    model.failing, model.asked = {}, Counter()
    assert autointerp.retry(labelled.path, only="invalid") == Retried(0, 0)
    assert autointerp.retry(labelled.path, only="error") == Retried(0, 2)
    assert model.asked == {"score self": 2}
    assert labelled.labels.read_bytes() == before
    assert list(load_scores(labelled)["outcome"]) == ["ok"] * 4


def test_a_retry_that_was_stopped_is_taken_up(labelled: RunDirectory, model: Model) -> None:
    model.failing = {"label =": error(401)}
    with pytest.raises(ProviderFatalError):
        autointerp.retry(labelled.path, only="refused")
    assert outcomes(labelled)[0] == "refused"
    model.failing = {}
    assert autointerp.retry(labelled.path, only="truncated") == Retried(1, 0)
    assert model.asked == {"label =": 2}
    assert outcomes(labelled)[0] == "ok"


def test_the_budget_counts_what_was_paid_before(labelled: RunDirectory, model: Model) -> None:
    with Journal(labelled.journal) as book:
        _, n_spent = book.spent()
    with pytest.raises(IncompleteError):
        autointerp.retry(labelled.path, only="invalid", max_requests=n_spent)
    assert outcomes(labelled)[-1] == "skipped_budget"
    assert sum(model.asked.values()) == 0
    assert autointerp.retry(labelled.path, only="refused", max_requests=n_spent + 9) == Retried(2, 0)


def test_a_shared_cache_gets_the_new_answer_and_does_not_give_the_old(
    labelled: RunDirectory, model: Model, tmp_path: Path
) -> None:
    asking = Asking(base_url=f"{model.root}/v1", cache=tmp_path / "shared")
    label_features(labelled, llm="openai:m", asking=asking)
    model.asked = Counter()
    assert autointerp.retry(labelled.path, only="refused", cache=tmp_path / "shared") == Retried(1, 0)
    assert outcomes(labelled)[0] == "ok"
    labelled.journal.unlink()
    label_features(labelled, llm="openai:m", asking=asking)
    assert model.asked == {"label =": 1}
    assert outcomes(labelled)[0] == "ok"


def test_a_dry_run_sends_nothing_and_reopens_nothing(labelled: RunDirectory, model: Model) -> None:
    found = autointerp.retry(labelled.path, only="refused,invalid", dry_run=True)
    assert not isinstance(found, Retried)
    assert (found.label.n_to_send, found.score.n_to_send, found.total.n_to_send) == (2, 0, 2)
    assert found.total.tokens_in_expected > 0
    asking = Asking(base_url=f"{model.root}/v1", limits=Limits(max_requests=0))
    with pytest.raises(IncompleteError):
        label_features(labelled, llm="openai:m", asking=asking)
    assert outcomes(labelled) == ["refused", "skipped_budget", "ok", "invalid"]
    assert not model.asked


@pytest.mark.parametrize(
    ("only", "words"), [("fine", "--only 'fine'"), ("", "--only ''"), ("error,ok", "'ok'"), ("skipped_budget", "Known")]
)
def test_outcomes_there_are_none_of(labelled: RunDirectory, only: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        autointerp.retry(labelled.path, only=only)


def test_runs_that_cant_be_retried(make_run: Maker, planted: dict[int, list[Context]], labelled: RunDirectory) -> None:
    labelled.update(lambda manifest: setattr(manifest.labeler, "provider", "replay:openai:m"))
    with pytest.raises(UsageError, match="--llm openai:m"):
        autointerp.retry(labelled.path)
    labelled.update(lambda manifest: setattr(manifest.labeler, "provider", "jsonl"))
    labelled.update(lambda manifest: setattr(manifest.labeler, "base_url", None))
    with pytest.raises(UsageError, match="--requests-out"):
        autointerp.retry(labelled.path)
    run = make_run({0: planted[0]})
    run.update(lambda manifest: manifest.stages.clear())
    with pytest.raises(UsageError, match="no labels yet"):
        autointerp.retry(run.path)
    label_features(run, llm="rules")
    assert autointerp.retry(run.path) == Retried(0, 0)


def run_command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["autointerp", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command(
    labelled: RunDirectory, model: Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(monkeypatch, "retry", labelled.path, "--only", "truncated") == 0
    shown = capsys.readouterr()
    assert shown.out.strip() == str(labelled.path)
    assert shown.err.splitlines()[-1] == "nothing to retry: no request ended in truncated"
    assert run_command(monkeypatch, "retry", labelled.path, "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:5] for line in lines[1:]] == [
        ["label", "2", "0", "0", "2"],
        ["score", "0", "0", "0", "0"],
        ["null", "0", "0", "0", "0"],
        ["total", "2", "0", "0", "2"],
    ]
    assert lines[-1].endswith("unknown price")
    assert run_command(monkeypatch, "retry", labelled.path, "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["total"]["n_to_send"] == 2
    assert run_command(monkeypatch, "retry", labelled.path) == 0
    assert "retried: 2 labels and 0 judgements asked again; ids: label " in capsys.readouterr().err
    assert run_command(monkeypatch, "retry", labelled.path, "--only", "odd") == 2
    assert model.asked == {"label self": 1, "label Paris": 1}


HOLDER = """
import sys
from pathlib import Path
from autointerp.run import exclusive

with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("verb", ["retry", "score"])
def test_a_run_that_another_process_writes_is_left_alone(labelled: RunDirectory, model: Model, verb: str) -> None:
    command = [sys.executable, "-c", HOLDER, str(labelled.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=rf"in use by pid {holder.pid} on \S+\."):
            getattr(autointerp, verb)(labelled.path)
        holder.kill()
    assert not model.asked
    with exclusive(labelled.path):  # a dead process holds nothing
        assert (labelled.path / ".lock").read_text().startswith("pid ")
