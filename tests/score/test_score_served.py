"""Labels and scores over the wire, from a scripted server, and again from the journal alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from llm_scripted_server import Answer, Call, ScriptedServer

import autointerp
from autointerp.errors import IncompleteError
from autointerp.harvest import Context
from autointerp.label import label_features
from autointerp.llm import Asking, Limits
from autointerp.run import RunDirectory
from autointerp.score import load_reliability, score_features
from autointerp.verbs import reliability

LABEL = {"reasoning": "r", "verdict": "MONOSEMANTIC", "confidence": 5, "evidence": [1]}


@pytest.fixture
def server(server: ScriptedServer) -> ScriptedServer:
    server.otherwise = _reply
    return server


def _reply(call: Call) -> Answer:
    """Name a feature by its strongest token; find a feature by that name."""
    user = call.body["messages"][-1]["content"].splitlines()
    if user[0].startswith("Description: "):
        token = json.loads(user[0].removeprefix("Description: ")).removeprefix("the token ")
        lines = [line.split(": ", 1) for line in user[2:-1]]
        return Answer(json.dumps({"active": [int(number) for number, text in lines if token in json.loads(text)]}))
    token = json.loads(user[1])[2].strip()
    return Answer(json.dumps(LABEL | {"label": f"the token {token}"}))


def test_the_whole_way_and_back_from_the_journal(
    make_run: Callable[..., RunDirectory], planted: dict[int, list[Context]], server: ScriptedServer
) -> None:
    run = make_run({feature: planted[feature] for feature in (0, 1, 5)})
    url = f"{server.root}/v1"
    with pytest.raises(IncompleteError):
        label_features(run, llm="openai:m", asking=Asking(base_url=url, limits=Limits(max_requests=2)))
    assert len(server.calls) == 2
    labels = label_features(run, llm="openai:m", asking=Asking(base_url=url))
    assert labels["label"].tolist() == ["the token =", "the token self", "the token Paris"]
    scores = score_features(run, llm="openai:m", asking=Asking(base_url=url))
    assert len(server.calls) == 3 + 6
    assert scores["verified"].tolist() == [True] * 3
    assert not scores["shuffled_verified"].any()
    before = run.labels.read_bytes(), run.scores.read_bytes(), run.scores_csv.read_bytes()
    label_features(run, llm="openai:m", asking=Asking(base_url=url))
    score_features(run, llm="openai:m", asking=Asking(base_url=url))
    assert (run.labels.read_bytes(), run.scores.read_bytes(), run.scores_csv.read_bytes()) == before
    assert len(server.calls) == 9
    score_features(run, llm="replay:openai:m", asking=Asking(base_url=url))
    assert run.scores.read_bytes() == before[1]


def test_a_second_run_pays_for_nothing_with_a_shared_cache(
    make_run: Callable[..., RunDirectory],
    planted: dict[int, list[Context]],
    server: ScriptedServer,
    tmp_path: Path,
) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('["openai:m"]\nas_of = 2026-11-01\ninput = 1.0\noutput = 4.0\n')
    run = make_run({feature: planted[feature] for feature in (0, 1, 5)})
    asking = Asking(base_url=f"{server.root}/v1", cache=tmp_path / "shared", prices=prices)
    costs = []
    for _ in range(2):
        run.journal.unlink(missing_ok=True)
        label_features(run, llm="openai:m", asking=asking)
        scores = autointerp.score(run.path, cache=tmp_path / "shared", prices=prices)
        assert scores["verified"].tolist() == [True] * 3
        assert len(server.calls) == 3 + 6
        costs.append(json.loads(run.summary.read_text(encoding="utf-8"))["cost_usd"])
    assert costs == [pytest.approx(9 * (100 * 1.0 + 10 * 4.0) / 1e6), 0.0]


def test_reliability_pays_only_for_what_was_not_asked_before(
    make_run: Callable[..., RunDirectory], planted: dict[int, list[Context]], server: ScriptedServer
) -> None:
    run = make_run({feature: planted[feature] for feature in (0, 1, 5)})
    pd.read_parquet(run.features).assign(n_active=100, duplicate_of=None).to_parquet(run.features)
    asking = Asking(base_url=f"{server.root}/v1")
    label_features(run, llm="openai:m", asking=asking)
    score_features(run, llm="openai:m", asking=asking)
    assert len(server.calls) == 9
    with pytest.raises(IncompleteError, match="autointerp reliability"):
        reliability(run.path, samples=3, max_requests=10)
    assert not run.reliability.exists()
    found = reliability(run.path, samples=3)
    assert len(server.calls) == 9 + 2 * 2 * 3  # the first of three samples is the run's own
    assert (found.features, found.n_samples, found.deterministic) == ([0, 1, 5], 3, False)
    assert (found.verified.changed["k"], found.verified.changed["n"]) == (0, 3)
    assert load_reliability(run) == reliability(run.path, samples=3) == found
    assert len(server.calls) == 21
