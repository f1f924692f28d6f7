"""What a real server does when it is asked too much, freezes, or dies."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from real_contract import Named, journal_rows, question, wait_for_rows
from real_server import CONTEXT_LENGTH, LlamaServer

from autointerp.llm import Limits, Message, Outcome, ProviderSpec, Request, ask, parse_provider

pytestmark = [pytest.mark.real, pytest.mark.faults]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


def openai_spec(server: LlamaServer) -> ProviderSpec:
    return parse_provider("openai:tiny", base_url=f"{server.root}/v1")


def test_a_prompt_longer_than_the_context_is_one_error_and_the_others_are_answered(
    llama: LlamaServer, journal: Path
) -> None:
    long = Request((Message("user", "x" * (CONTEXT_LENGTH + 1)),), Named, tag="long")
    replies = ask([question(1), long, question(2)], provider=openai_spec(llama), journal=journal)
    assert [reply.outcome for reply in replies] == [Outcome.ok, Outcome.error, Outcome.ok]
    assert replies[1].reason == "BadRequestError: status 400, exceed_context_size_error"
    rows = [row for row in journal_rows(journal) if row.key == replies[1].key]
    assert [(row.outcome, row.http_status) for row in rows] == [("error", 400)]


def test_a_schema_that_is_ignored_is_noticed_and_counted(llama: LlamaServer, journal: Path) -> None:
    """On ``/v1/messages`` this server takes a schema and does not keep to it."""
    notes = []
    replies = ask(
        [question(n) for n in range(8)],
        provider=parse_provider("anthropic:tiny", base_url=llama.root),
        journal=journal,
        limits=Limits(max_attempts=1, max_concurrency=1),
        progress=lambda done, total, note="": notes.append(note),
    )
    rows = journal_rows(journal)
    assert {reply.outcome for reply in replies} <= {Outcome.invalid, Outcome.truncated}
    rungs, order = [row.rung for row in rows], ("json_schema", "tool", "prompt")
    assert rungs == sorted(rungs, key=order.index)  # down the ladder, and not back
    assert {"json_schema", "tool"} <= set(rungs)
    assert sum("do not fit the schema under json_schema: going on with tool" in note for note in notes) == 1
    assert {row.outcome for row in rows} <= {"invalid", "truncated"}
    assert {row.ask for row in rows} == {1, 2}
    assert len(rows) == 16


def test_a_frozen_server_costs_a_deadline_and_no_reply(llama: LlamaServer, journal: Path) -> None:
    llama.freeze()
    threading.Thread(target=lambda: (wait_for_rows(journal, 2), llama.thaw()), daemon=True).start()
    limits = Limits(timeout_s=1.0, max_concurrency=2)
    replies = ask([question(n) for n in range(6)], provider=openai_spec(llama), journal=journal, limits=limits)
    assert [reply.outcome for reply in replies] == [Outcome.ok] * 6
    rows = journal_rows(journal)
    late = [row for row in rows if row.outcome == "error"]
    assert len(late) >= 2
    assert {row.reason for row in late} == {"deadline: no reply within 1 s"}
    assert all(row.seconds >= 1.0 for row in late)
    assert sum(row.outcome == "ok" for row in rows) == 6


def test_a_server_that_stays_frozen_ends_every_request_as_an_error(llama: LlamaServer, journal: Path) -> None:
    (first,) = ask([question(0)], provider=openai_spec(llama), journal=journal)
    llama.freeze()
    limits = Limits(timeout_s=0.5, max_attempts=1, max_concurrency=2)
    replies = ask([question(n) for n in range(4)], provider=openai_spec(llama), journal=journal, limits=limits)
    assert [reply.outcome for reply in replies] == [Outcome.ok] + [Outcome.error] * 3
    assert replies[0].value == first.value
    llama.thaw()
    again = ask([question(n) for n in range(4)], provider=openai_spec(llama), journal=journal)
    assert [(reply.outcome, reply.from_journal) for reply in again] == [(Outcome.ok, n == 0) for n in range(4)]


def test_a_killed_server_loses_what_was_on_its_way_and_a_new_one_makes_up_for_it(
    llama: LlamaServer, journal: Path
) -> None:
    requests = [question(n) for n in range(6)]
    first = ask(requests[:2], provider=openai_spec(llama), journal=journal)
    llama.freeze()
    threading.Timer(0.5, llama.kill).start()
    limits = Limits(max_attempts=1, max_concurrency=4)
    replies = ask(requests, provider=openai_spec(llama), journal=journal, limits=limits)
    assert [reply.outcome for reply in replies] == [Outcome.ok] * 2 + [Outcome.error] * 4
    assert {reply.reason for reply in replies[2:]} == {"APIConnectionError: no reply came"}
    assert [reply.value for reply in replies[:2]] == [reply.value for reply in first]
    llama.start()
    again = ask(requests, provider=openai_spec(llama), journal=journal)
    assert [(reply.outcome, reply.from_journal) for reply in again] == [(Outcome.ok, n < 2) for n in range(6)]
