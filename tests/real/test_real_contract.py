"""One contract, two servers: what the scripted server says in the tests of ``autointerp.llm``, llama.cpp says too."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from real_contract import N_CUT, Endpoint, Named, journal_rows, question

from autointerp.errors import ProviderFatalError
from autointerp.llm import Limits, Outcome, ask

ONCE = Limits(max_attempts=1, timeout_s=30.0)


@pytest.fixture(params=["openai", "anthropic"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


def test_a_reply_bound_to_its_schema_fits(endpoint: Endpoint, journal: Path) -> None:
    replies = ask([question(n) for n in range(20)], provider=endpoint.spec("openai"), journal=journal, limits=ONCE)
    assert [reply.outcome for reply in replies] == [Outcome.ok] * 20
    assert all(isinstance(reply.value, Named) for reply in replies)
    assert len({str(reply.value) for reply in replies}) > 1
    assert {(row.rung, row.http_status, row.ask) for row in journal_rows(journal)} == {("json_schema", 200, 1)}


def test_tokens_are_counted(endpoint: Endpoint, journal: Path, kind: str) -> None:
    (reply,) = ask([question(1)], provider=endpoint.spec(kind), journal=journal, limits=ONCE)
    assert reply.usage.tokens_in > 10
    assert reply.usage.tokens_out > 0
    assert 0 <= reply.usage.tokens_cached <= reply.usage.tokens_in


def test_a_wrong_key_ends_the_run(
    endpoint: Endpoint, journal: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "sk-wrong-77aa0be1"
    monkeypatch.setenv(f"{kind.upper()}_API_KEY", wrong)
    limits = Limits(max_attempts=3, max_concurrency=1)
    with pytest.raises(ProviderFatalError, match="401") as caught:
        ask([question(n) for n in range(5)], provider=endpoint.spec(kind), journal=journal, limits=limits)
    assert wrong not in str(caught.value)
    (row,) = journal_rows(journal)
    assert (row.outcome, row.http_status) == ("error", 401)


def test_a_cut_reply_is_asked_again_once(endpoint: Endpoint, journal: Path, kind: str) -> None:
    cut = question(1, max_output_tokens=N_CUT)
    (reply,) = ask([cut], provider=endpoint.spec(kind), journal=journal, limits=ONCE)
    assert (reply.outcome, reply.value) == (Outcome.truncated, None)
    assert [(row.outcome, row.ask) for row in journal_rows(journal)] == [("truncated", 1), ("truncated", 2)]
    assert reply.usage.tokens_out > N_CUT


def test_requests_are_on_their_way_together(endpoint: Endpoint, journal: Path) -> None:
    requests = [question(n) for n in range(40)]
    limits = Limits(max_attempts=1, max_concurrency=8)
    replies = ask(requests, provider=endpoint.spec("openai"), journal=journal, limits=limits)
    assert [(reply.tag, reply.outcome) for reply in replies] == [(f"q{n}", Outcome.ok) for n in range(40)]
    spans = [(datetime.fromisoformat(row.started).timestamp(), row.seconds) for row in journal_rows(journal)]
    tick = 0.001  # starts are written in whole milliseconds
    most = max(sum(other <= start < other + seconds - tick for other, seconds in spans) for start, _ in spans)
    assert 1 < most <= 8


def test_the_journal_answers_when_the_server_is_gone(endpoint: Endpoint, journal: Path, kind: str) -> None:
    requests = [question(n) for n in range(4)]
    first = ask(requests, provider=endpoint.spec(kind), journal=journal, limits=ONCE)
    endpoint.close()
    again = ask(requests, provider=endpoint.spec(kind), journal=journal, limits=ONCE)
    assert all(reply.from_journal for reply in again)
    assert [(reply.outcome, reply.value) for reply in again] == [(reply.outcome, reply.value) for reply in first]
    (new,) = ask([question(9)], provider=endpoint.spec(kind), journal=journal, limits=ONCE)
    assert new.outcome is Outcome.error
