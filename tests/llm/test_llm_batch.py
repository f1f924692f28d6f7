"""Batches that go well, or end in one of the ways that batches end."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_batch_server import LOOK, RESULTS, SUBMIT, BatchAsker, BatchServer, Line
from llm_scripted_server import CANARY, GOOD, Answer, error, question

from autointerp.errors import IncompleteError, ProviderFatalError, UsageError
from autointerp.llm import Outcome, estimate, request_key
from autointerp.llm.batch._parts import parts

FIVE = [question(number) for number in range(5)]


@pytest.fixture
def price(set_price: Callable[[float, float], None]) -> None:
    set_price(10.0, 40.0)


def outcomes(replies: list[Any]) -> list[str]:
    return [str(reply.outcome) for reply in replies]


def test_a_batch_answers_in_any_order_and_its_answers_are_everybodys(batch_asker: BatchAsker, price: None) -> None:
    del price
    server = batch_asker.server
    server.n_polls = 3

    def answer(line: Line) -> Answer:
        text = json.dumps(line)
        number = next(number for number in range(5) if f"question {number}" in text)
        return Answer(GOOD.replace("dogs", f"answer {number}"))

    server.answer = answer
    replies = batch_asker(*FIVE, FIVE[0])
    assert [reply.value.label for reply in replies] == [f"answer {number}" for number in (0, 1, 2, 3, 4, 0)]
    assert {(reply.cost_usd, reply.usage.tokens_in) for reply in replies} == {(0.0014, 100)}
    assert len(server.batches) == 1
    assert server.batches[0].keys == [request_key(one, batch_asker.spec) for one in FIVE]
    assert batch_asker.states() == ["settled"] * 5
    assert any("in_progress, 0 of 5 done" in note and "5 in batches" in note for note in batch_asker.notes)
    n_calls = len(server.calls)
    for way in ("batch:", "", "replay:"):
        assert [reply.from_journal for reply in batch_asker(*FIVE, way=way)] == [True] * 5
    assert len(server.calls) == n_calls


def test_a_batch_costs_its_share_of_the_price(batch_asker: BatchAsker, price: None, tmp_path: Path) -> None:
    del price
    live = dataclasses.replace(batch_asker.spec, way="live")
    whole = estimate([FIVE[0]], batch_asker.spec).cost_usd_high
    table = tmp_path / "prices.toml"
    table.write_text(table.read_text().replace("output = 40.0", "output = 40.0\nbatch = 0.5"))
    half = estimate([FIVE[0]], batch_asker.spec).cost_usd_high
    assert whole is not None
    assert half == pytest.approx(whole / 2)
    assert estimate([FIVE[0]], live).cost_usd_high == whole
    (reply, skipped) = batch_asker(*FIVE[:2], max_cost_usd=0.75 * whole)
    assert (reply.cost_usd, skipped.outcome) == (0.0007, Outcome.skipped_budget)


def test_polls_grow_apart(batch_asker: BatchAsker, pauses: list[float]) -> None:
    batch_asker.server.n_polls = 9
    batch_asker(FIVE[0])
    assert pauses[:3] == [5.0, 7.5, 11.25]
    assert pauses[-1] == 60.0


def test_what_is_sent_is_what_live_sends(kind: str, batch_asker: BatchAsker) -> None:
    batch_asker(FIVE[0])
    line = batch_asker.server.batches[0].requests[0]
    body = line["body"] if kind == "openai" else line["params"]
    assert body["model"] == batch_asker.spec.model
    assert "question 0" in json.dumps(body["messages"])
    if kind == "openai":
        assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
        assert body["response_format"]["json_schema"]["strict"] is True
    else:
        assert body["output_config"]["format"]["type"] == "json_schema"


@pytest.mark.parametrize("bad", [Answer(stop="cut"), Answer("{}")], ids=["truncated", "invalid"])
def test_what_can_not_be_used_is_asked_once_more_in_a_second_batch(
    kind: str, batch_asker: BatchAsker, bad: Answer
) -> None:
    server = batch_asker.server
    server.answer = lambda line: bad if "question 1" in json.dumps(line) else Answer()
    replies = batch_asker(*FIVE[:3])
    assert outcomes(replies) == ["ok", "truncated" if bad.stop == "cut" else "invalid", "ok"]
    assert replies[1].usage.tokens_in == 200
    assert [len(batch.requests) for batch in server.batches] == [3, 1]
    line = server.batches[1].requests[0]
    body = line["body"] if kind == "openai" else line["params"]
    if bad.stop == "cut":
        assert body["max_completion_tokens" if kind == "openai" else "max_tokens"] == 1200
    else:
        assert "could not be used" in json.dumps(body["messages"])
    rows = [row[1:3] for row in batch_asker.rows() if row[0] == "q1"]
    assert rows == [(1, replies[1].outcome), (2, replies[1].outcome)]
    assert batch_asker(FIVE[1])[0].from_journal


@pytest.mark.parametrize("ends_as", ["expired", "canceled", "errored"])
def test_partial_results_count_and_only_the_missing_are_submitted_again(
    kind: str, batch_asker: BatchAsker, price: None, ends_as: str
) -> None:
    del price
    server = batch_asker.server
    server.ends_as = (
        {"canceled": "cancelled", "errored": "completed"}.get(ends_as, ends_as) if kind == "openai" else ends_as
    )
    server.unfinished = {1, 3}
    replies = batch_asker(*FIVE)
    assert outcomes(replies) == ["ok", "error", "ok", "error", "ok"]
    expected = "batch_expired" if kind == "openai" else ends_as
    assert expected in replies[1].reason
    assert [row[3] for row in batch_asker.rows() if row[2] == "error"] == [0.0, 0.0]
    server.ends_as, server.unfinished = "completed", set()
    assert outcomes(batch_asker(*FIVE, max_requests=5)) == ["ok"] * 5  # what brought no reply is not counted
    assert [len(batch.requests) for batch in server.batches] == [5, 2]


def test_a_batch_that_fails_as_a_whole_says_why(batches: BatchServer, tmp_path: Path, pauses: list[float]) -> None:
    del pauses
    batches.ends_as = "failed"
    replies = BatchAsker("openai", batches, tmp_path)(*FIVE)
    assert outcomes(replies) == ["error"] * 5
    assert "failed (token_limit_exceeded)" in replies[0].reason


def twice_alike(lines: list[bytes]) -> bytes:
    return b"".join(lines + lines)


def twice_differently(lines: list[bytes]) -> bytes:
    return b"".join([*lines, lines[-1].replace(b"dogs", b"cats")])


def foreign(lines: list[bytes]) -> bytes:
    return b"".join(
        [b'{"custom_id": "nobody", "result": {}}\n', b"[1]\n", b"\n", b'{"custom_id": 3}\n', b"\xff\n", *lines]
    )


def torn(lines: list[bytes]) -> bytes:
    return b"".join(lines)[:-9]


@pytest.mark.parametrize(
    ("tamper", "first", "note"),
    [
        (twice_alike, "ok", ""),
        (twice_differently, "error", "ids answered twice and not alike: 1"),
        (foreign, "ok", "lines, the first is line 2: 3; lines with ids that were not asked for: 1"),
        (torn, "error", "torn or unreadable lines, the first is line 5: 1"),
    ],
)
def test_results_that_are_not_as_they_should_be(
    batch_asker: BatchAsker, price: None, tamper: Any, first: str, note: str
) -> None:
    del price
    batch_asker.server.tamper = tamper
    replies = batch_asker(*FIVE)
    assert outcomes(replies) == [first, "ok", "ok", "ok", "ok"]  # results come last first
    assert any(note in said for said in batch_asker.notes)
    if first == "error":
        assert replies[0].reason
        assert ("q0", 1, "error", None) in batch_asker.rows()  # perhaps paid: the worst case counts
        batch_asker.server.tamper = b"".join
        assert outcomes(batch_asker(*FIVE)) == ["ok"] * 5
        assert [len(batch.requests) for batch in batch_asker.server.batches] == [5, 1]


def test_a_torn_file_is_fetched_again_before_anything_is_given_up(batch_asker: BatchAsker) -> None:
    files = [torn]
    batch_asker.server.tamper = lambda lines: files.pop()(lines) if files else b"".join(lines)
    assert outcomes(batch_asker(*FIVE)) == ["ok"] * 5


def test_results_that_are_no_replies_are_errors(batch_asker: BatchAsker) -> None:
    def broken(lines: list[bytes]) -> bytes:
        return b"".join(lines).replace(b'"choices"', b'"chances"').replace(b'"content"', b'"contents"')

    batch_asker.server.tamper = broken
    replies = batch_asker(FIVE[0])
    assert outcomes(replies) == ["error"]
    assert "bad_reply" in replies[0].reason


def test_refusals_are_kept_and_not_asked_again(batch_asker: BatchAsker) -> None:
    batch_asker.server.answer = lambda _line: Answer(stop="refused")
    assert outcomes(batch_asker(FIVE[0])) == ["refused"]
    assert outcomes(batch_asker(FIVE[0])) == ["refused"]
    assert len(batch_asker.server.batches) == 1


def test_many_requests_make_many_batches(batch_asker: BatchAsker, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_openai.OpenAIBatches", "_anthropic.AnthropicBatches"):
        monkeypatch.setattr(f"autointerp.llm.batch.{name}.max_requests", 2)
    assert outcomes(batch_asker(*FIVE)) == ["ok"] * 5
    assert [len(batch.requests) for batch in batch_asker.server.batches] == [2, 2, 1]


@given(
    st.lists(st.text(max_size=20), max_size=30),
    st.integers(min_value=1, max_value=5),
    st.integers(min_value=1, max_value=90),
)
def test_parts_keep_everything_in_order_and_within_bounds(texts: list[str], most: int, max_bytes: int) -> None:
    lines = [(number, {"text": text}) for number, text in enumerate(texts)]
    cut = list(parts(lines, max_requests=most, max_bytes=max_bytes))
    assert [line for part in cut for line in part] == lines
    for part in cut:
        size = sum(len(json.dumps(line)) + 1 for _, line in part)
        assert 1 <= len(part) <= most
        assert size <= max_bytes or len(part) == 1


def test_the_worst_case_of_a_whole_batch_is_set_aside_first(batch_asker: BatchAsker, price: None) -> None:
    del price
    each = 0.03
    replies = batch_asker(*FIVE, max_cost_usd=2.5 * each)
    assert outcomes(replies) == ["ok", "ok", "skipped_budget", "skipped_budget", "skipped_budget"]
    assert len(batch_asker.server.batches[0].requests) == 2
    assert outcomes(batch_asker(*FIVE, max_requests=3)) == ["ok"] * 3 + ["skipped_budget"] * 2


def test_a_cost_bound_needs_a_price(batch_asker: BatchAsker) -> None:
    with pytest.raises(UsageError, match="--max-cost"):
        batch_asker(FIVE[0], max_cost_usd=1.0)
    assert batch_asker.server.batches == []


def test_errors_that_pass_are_waited_out(kind: str, batch_asker: BatchAsker, pauses: list[float]) -> None:
    server = batch_asker.server
    server.faults = {
        SUBMIT[kind]: [error(429, retry_after="77")],
        LOOK[kind]: [error(500), error(429, retry_after="33")],
        RESULTS[kind]: [error(503)],
    }
    assert outcomes(batch_asker(*FIVE)) == ["ok"] * 5
    assert len(server.batches) == 1
    assert any(seconds >= 77 for seconds in pauses)
    assert any(33 <= seconds < 77 for seconds in pauses)


def test_a_service_that_stays_away_leaves_the_batch_to_the_next_run(kind: str, batch_asker: BatchAsker) -> None:
    server = batch_asker.server
    server.faults = {LOOK[kind]: [error(500)] * 3}
    with pytest.raises(IncompleteError, match=r"batch_0 \(5 requests\).*autointerp label --resume"):
        batch_asker(*FIVE, max_attempts=3)
    assert batch_asker.states() == ["open"] * 5
    assert outcomes(batch_asker(*FIVE)) == ["ok"] * 5
    assert len(server.batches) == 1


@pytest.mark.parametrize("place", [SUBMIT, LOOK, RESULTS], ids=["submit", "look", "results"])
def test_a_refused_key_ends_the_run_and_is_not_shown(kind: str, batch_asker: BatchAsker, place: dict[str, str]) -> None:
    server = batch_asker.server
    server.faults = {place[kind]: [error(401, code="invalid_api_key", message=f"bad key {CANARY}")]}
    with pytest.raises(ProviderFatalError, match="_API_KEY") as caught:
        batch_asker(*FIVE)
    shown, seen = [caught.value], str(caught.value)
    while (inner := shown[-1].__cause__ or shown[-1].__context__) is not None:
        shown.append(inner)  # type: ignore[arg-type]
        seen += repr(inner) + repr(vars(inner))
    assert CANARY not in seen
    assert batch_asker.states() == ([] if place is SUBMIT else ["open"] * 5)
    assert outcomes(batch_asker(*FIVE)) == ["ok"] * 5
    assert len(server.batches) == 1


def test_a_batch_that_is_refused_is_no_answer(kind: str, batch_asker: BatchAsker) -> None:
    batch_asker.server.faults = {SUBMIT[kind]: [error(400, code="model_not_supported")]}
    replies = batch_asker(*FIVE)
    assert outcomes(replies) == ["error"] * 5
    assert "model_not_supported" in replies[0].reason
    assert batch_asker.states() == batch_asker.rows() == []


def test_nothing_secret_is_kept(kind: str, batch_asker: BatchAsker, tmp_path: Path) -> None:
    batch_asker.server.answer = lambda _line: Answer(GOOD.replace("dogs", CANARY))
    batch_asker(FIVE[0])
    with sqlite3.connect(tmp_path / "journal.sqlite3") as db:
        assert CANARY not in "\n".join(db.iterdump())
    assert [row[2] for row in batch_asker.rows()] == [Outcome.ok]
    assert CANARY not in "".join(batch_asker.notes), kind
