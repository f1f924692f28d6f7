"""What networks and servers do: each attempt ends, nothing half is taken for whole, keys stay where they are."""

from __future__ import annotations

import json
from email.utils import formatdate
from types import ModuleType

import anthropic
import openai
import pytest
from llm_scripted_server import CANARY, GOOD, Answer, Asker, Call, ScriptedServer, error, question

from autointerp.errors import ProviderFatalError
from autointerp.llm import Attempt, Journal, Outcome, SendError
from autointerp.llm._http import retry_after_s, send_error
from autointerp.llm._retry import retrying
from autointerp.llm._secret import Secret


def attempts(asker: Asker) -> list[Attempt]:
    """All of them, in the order of the journal."""
    with Journal(asker.journal) as book:
        keys = book._db.execute("SELECT DISTINCT key FROM attempts").fetchall()
        return [attempt for (key,) in keys for attempt in book.billed(key)]


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 529])
def test_passing_errors_are_tried_again(asker: Asker, server: ScriptedServer, waits: list[float], status: int) -> None:
    server.script = [error(status), Answer(status=status, body=b"<html>down</html>")]
    (reply,) = asker(question(1))
    assert (reply.outcome, len(server.calls), len(waits)) == (Outcome.ok, 3, 2)
    assert all(0 < wait <= 60 for wait in waits)


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_lasting_errors_are_not(asker: Asker, server: ScriptedServer, waits: list[float], status: int) -> None:
    server.script = [error(status, code="odd_code")]
    first, second = asker(question(1), question(2))
    assert (first.outcome, second.outcome, len(server.calls), waits) == (Outcome.error, Outcome.ok, 2, [])
    assert f"status {status}, odd_code" in first.reason
    assert first.cost_usd == 0.0


@pytest.mark.parametrize(
    "fatal",
    [
        error(401),
        error(402),
        error(403),
        error(429, code="insufficient_quota"),
        error(429, code="enforced_spend_limit_reached"),
        error(400, code="billing_error"),
    ],
)
def test_account_errors_end_the_run_at_once(
    asker: Asker, server: ScriptedServer, waits: list[float], fatal: Answer
) -> None:
    server.script = [fatal]
    with pytest.raises(ProviderFatalError, match="refuses this account"):
        asker(question(1), question(2))
    assert (len(server.calls), waits) == (1, [])


def test_retry_after_is_honoured(asker: Asker, server: ScriptedServer, waits: list[float]) -> None:
    server.script = [error(429, retry_after="171"), error(503, retry_after_ms="90000", retry_after="1")]
    (reply,) = asker(question(1))
    assert reply.outcome is Outcome.ok
    assert waits == [171.0, 90.0]


def test_too_long_a_wait_ends_the_request_and_not_the_run(
    asker: Asker, server: ScriptedServer, waits: list[float]
) -> None:
    server.script = [error(429, retry_after="301")]
    first, second = asker(question(1), question(2))
    assert (first.outcome, second.outcome, waits) == (Outcome.error, Outcome.ok, [])
    assert first.reason.startswith("rate_limited: asked to wait 301 s")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": "later"}, None),
        ({"retry-after": formatdate(1_000_060, usegmt=True)}, 60.0),
        ({"retry-after": formatdate(900_000, usegmt=True)}, 0.0),
        ({"retry-after": "Mon, 99 Foo 2026 00:00:00 GMT"}, None),
    ],
)
def test_reading_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, now=1_000_000) == seconds


@pytest.mark.parametrize(
    "garbage",
    [
        Answer(body=b""),
        Answer(body=b'{"choices": [{"mess'),
        Answer(body=b"<html>login</html>", headers={"content-type": "text/html"}),
        Answer(body=b"[]"),
        Answer(body=b"null"),
        Answer(body=b"{}"),
        Answer(body=b'{"choices": [], "content": 7}'),
        Answer(body=b'{"choices": [{"message": null}], "content": ["a"]}'),
        Answer(body=b'{"choices": [{"message": {"content": 5}}], "content": [{"type": "text"}]}'),
        Answer(body=b"[" * 100_000),
        Answer(body=b"\xff\xfe"),
        Answer(manner="reset"),
    ],
)
def test_garbage_is_never_a_reply(asker: Asker, server: ScriptedServer, waits: list[float], garbage: Answer) -> None:
    server.script = [garbage]
    (reply,) = asker(question(1))
    assert (reply.outcome, len(server.calls), len(waits)) == (Outcome.ok, 2, 1)


def test_garbage_without_end_is_an_error_with_an_excerpt(
    asker: Asker, server: ScriptedServer, waits: list[float]
) -> None:
    server.otherwise = lambda _: Answer(body=b"<html>\n" + b"x" * 999, headers={"content-type": "text/html"})
    (reply,) = asker(question(1), max_attempts=3)
    assert (reply.outcome, len(server.calls), len(waits)) == (Outcome.error, 3, 2)
    assert reply.reason.startswith('bad_reply: status 200, text/html, begins "<html>\\nxxx')
    assert len(reply.reason) < 300


def test_a_dead_server_is_an_error(asker: Asker, server: ScriptedServer, waits: list[float]) -> None:
    server.close()
    (reply,) = asker(question(1))
    assert (reply.outcome, len(waits)) == (Outcome.error, 5)
    assert reply.reason == "APIConnectionError: no reply came"


@pytest.mark.parametrize("stall", [Answer(manner="drip"), Answer(delay_s=5)])
def test_stalls_end_at_the_deadline_and_hold_up_nobody(asker: Asker, server: ScriptedServer, stall: Answer) -> None:
    server.otherwise = lambda call: stall if "question 0" in call.text else Answer()
    first, *others = asker(*map(question, range(4)), timeout_s=0.4, max_attempts=2, max_concurrency=2)
    assert first.outcome is Outcome.error
    assert "deadline" in first.reason or "APITimeoutError" in first.reason
    assert {reply.outcome for reply in others} == {Outcome.ok}


@pytest.mark.parametrize(
    "usage",
    [None, {}, 7, {"prompt_tokens": -1, "input_tokens": -1}, {"prompt_tokens": 10**12, "input_tokens": 10**12},
     {"prompt_tokens": 9, "completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 2}},
     {"prompt_tokens": "9", "input_tokens": "9"}, {"prompt_tokens": 0, "input_tokens": 0, "completion_tokens": 5}],
)  # fmt: skip
def test_usage_that_cant_be_is_unknown(asker: Asker, server: ScriptedServer, usage: object) -> None:
    server.script = [Answer(usage=usage)]
    (reply,) = asker(question(1))
    assert (reply.outcome, reply.cost_usd, reply.usage.tokens_in) == (Outcome.ok, None, 0)


def test_the_ladder_steps_down_once_for_an_endpoint(asker: Asker, server: ScriptedServer, kind: str) -> None:
    def old_server(call: Call) -> Answer:
        wanted = call.body.get("response_format", call.body.get("output_config", {}))
        if "tools" in call.body:
            return Answer(is_tool_call=True)
        return error(400, message="response_format output_config: unknown json_schema") if wanted else Answer()

    server.otherwise = old_server
    replies = asker(question(1), question(2))
    assert {reply.outcome for reply in replies} == {Outcome.ok}
    n_refused = 3 if kind == "openai" else 1
    assert len(server.calls) == n_refused + 2
    assert "tools" not in server.calls[0].body
    assert "tools" in server.calls[-1].body
    assert any("going on with tool" in note for note in asker.notes)
    assert asker(question(3))[0].outcome is Outcome.ok
    assert len(server.calls) == n_refused + 3


def test_json_object_is_the_middle_rung(openai_asker: Asker, server: ScriptedServer) -> None:
    server.script = [error(500, message="body.response_format.type: json_schema is not one of text, json_object")]
    assert openai_asker(question(1))[0].outcome is Outcome.ok
    asked = server.calls[1].body["response_format"]
    assert (asked["type"], asked["schema"]["additionalProperties"]) == ("json_object", False)
    assert '"additionalProperties":false' in json.loads(json.dumps(server.calls[1].body["messages"]))[0]["content"]


def test_json_object_goes_without_a_schema_where_that_is_refused(openai_asker: Asker, server: ScriptedServer) -> None:
    def strict(call: Call) -> Answer:
        form = call.body.get("response_format", {})
        known = form == {"type": "json_object"}
        return Answer() if known else error(400, message=f"response_format: {' '.join(form)} not known")

    server.otherwise = strict
    assert [reply.outcome for reply in openai_asker(question(1), question(2))] == ["ok", "ok"]
    assert [attempt.rung for attempt in attempts(openai_asker)] == ["json_object", "json_object"]
    assert "JSON Schema" in server.calls[-1].text
    n_calls = len(server.calls)
    assert openai_asker(question(3))[0].outcome is Outcome.ok  # remembered
    assert len(server.calls) == n_calls + 1


def test_what_a_tool_was_called_with_is_the_reply(asker: Asker, server: ScriptedServer) -> None:
    def tools_only(call: Call) -> Answer:
        if "tools" not in call.body:
            return error(400, message="response_format output_config: not supported")
        bad = "question 1" in call.text and "could not be used" not in call.text
        return Answer(text=GOOD.replace("4", "9") if bad else GOOD, is_tool_call=True)

    server.otherwise = tools_only
    assert [reply.outcome for reply in asker(question(1), question(2))] == ["ok", "ok"]
    assert {attempt.rung for attempt in attempts(asker)} == {"tool"}
    assert sorted(attempt.outcome for attempt in attempts(asker)) == ["invalid", "ok", "ok"]
    body = server.calls[-1].body
    assert '"additionalProperties": false' in json.dumps(body["tools"])
    assert body["tool_choice"]["type"] in ("function", "tool")


def test_a_server_without_tools_is_asked_in_words(asker: Asker, server: ScriptedServer) -> None:
    def words_only(call: Call) -> Answer:
        if "tools" in call.body:
            return error(400, message="tool_choice is not supported")
        asked = {"response_format", "output_config"} & set(call.body)
        return error(400, message="response_format output_config") if asked else Answer()

    server.otherwise = words_only
    assert asker(question(1))[0].outcome is Outcome.ok
    assert [attempt.rung for attempt in attempts(asker)] == ["prompt"]
    assert "JSON Schema" in server.calls[-1].text


def test_a_long_prompt_is_not_taken_for_a_refusal_of_tools(asker: Asker, server: ScriptedServer) -> None:
    def short(call: Call) -> Answer:
        if "tools" in call.body:
            return error(400, message="maximum context length is 9 tokens, in the messages and in the tools")
        return error(400, message="response_format output_config")

    server.otherwise = short
    assert asker(question(1))[0].outcome is Outcome.error
    assert "tools" in server.calls[-1].body


def test_a_server_that_refuses_every_rung_is_an_error(asker: Asker, server: ScriptedServer, waits: list[float]) -> None:
    server.otherwise = lambda _: error(400, message="response_format output_config")
    (reply,) = asker(question(1))
    assert (reply.outcome, waits) == (Outcome.error, [])


def test_a_schema_that_is_ignored_steps_down_and_says_so(asker: Asker, server: ScriptedServer) -> None:
    def chatty(call: Call) -> Answer:
        return Answer() if {"response_format", "output_config"}.isdisjoint(call.body) else Answer(text="Dogs!")

    server.otherwise = chatty
    replies = asker(*map(question, range(9)))
    assert [reply.outcome for reply in replies].count("ok") >= 5
    assert any("3 of 3 replies do not fit the schema under json_schema" in note for note in asker.notes)
    n_invalid = sum("Dogs" in (attempt.reply or "") for attempt in attempts(asker))
    n_judged = len(attempts(asker))
    assert asker.notes[-1].endswith(f"0 of 1 in flight, {n_invalid} of {n_judged} replies did not fit the schema")


def test_one_good_reply_proves_a_rung(asker: Asker, server: ScriptedServer) -> None:
    bad = ("question 1", "question 2", "question 3")
    server.otherwise = lambda call: Answer(text="no") if any(one in call.text for one in bad) else Answer()
    replies = asker(*map(question, range(5)))
    assert [reply.outcome for reply in replies] == ["ok", "invalid", "invalid", "invalid", "ok"]
    assert not any("going on" in note for note in asker.notes)


def test_old_servers_get_the_old_name_of_the_token_limit(openai_asker: Asker, server: ScriptedServer) -> None:
    def old_server(call: Call) -> Answer:
        if "max_completion_tokens" in call.body:
            return error(400, message="Unrecognized request argument: max_completion_tokens")
        return Answer()

    server.otherwise = old_server
    replies = openai_asker(*map(question, range(6)), max_concurrency=3)
    assert {reply.outcome for reply in replies} == {Outcome.ok}
    assert server.calls[-1].body["max_tokens"] == 600


def test_a_token_limit_nobody_accepts_is_an_error(openai_asker: Asker, server: ScriptedServer) -> None:
    server.otherwise = lambda _: error(400, message="max_completion_tokens or max_tokens: too large")
    assert openai_asker(question(1))[0].outcome is Outcome.error
    assert len(server.calls) == 2


@pytest.mark.parametrize("sdk", [openai, anthropic])
def test_what_an_sdk_raises_before_sending_is_named_and_not_quoted(sdk: ModuleType) -> None:
    found = send_error(ValueError(CANARY), sdk, Secret(CANARY))
    assert (found.reason, found.is_retryable, found.is_free) == (
        "ValueError: the request could not be sent",
        False,
        False,
    )


def test_the_key_is_in_no_file_and_no_message(asker: Asker, server: ScriptedServer) -> None:
    server.script = [
        error(500, message=f"Bearer {CANARY}", code=CANARY.replace("-", "_")),
        Answer(body=f"<p>{CANARY}</p>".encode()),
        error(404, message=CANARY, x_request_id=CANARY, request_id=CANARY),
        Answer(text=GOOD.replace("dogs", CANARY), headers={"x-request-id": CANARY, "request-id": CANARY}),
        Answer(text=CANARY),
        Answer(stop="refused"),
        error(401, message=CANARY),
    ]
    with pytest.raises(ProviderFatalError) as caught:
        asker(*map(question, range(9)))
    assert server.script == []
    written = b"".join(file.read_bytes() for file in asker.journal.parent.iterdir())
    assert len(written) > 1000
    assert CANARY.encode() not in written
    assert CANARY not in str(asker.notes) + repr(caught.value)


def test_the_key_is_in_no_reply(asker: Asker, server: ScriptedServer) -> None:
    echo = {"content-type": CANARY, "x-request-id": CANARY, "request-id": CANARY}
    server.script = [
        error(400, message=CANARY, x_request_id=CANARY),
        Answer(body=CANARY.encode(), headers=echo),
        Answer(text=GOOD.replace("dogs", CANARY), headers=echo),
        Answer(text=GOOD[:-1] + f', "{CANARY}": 1' + "}"),
        Answer(text=CANARY),
    ]
    replies = asker(*map(question, range(4)), max_attempts=1)
    assert [reply.outcome for reply in replies] == ["error", "error", "ok", "invalid"]
    assert CANARY not in repr(replies)


def test_the_policy_waits_longer_and_longer_and_ends() -> None:
    import asyncio

    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    async def fail() -> None:
        raise SendError("x", is_retryable=True, retry_after_s=3.0)

    with pytest.raises(SendError):
        asyncio.run(retrying(max_attempts=40, pause=note)(fail))
    assert len(waited) == 39
    assert all(3 <= wait <= 60 for wait in waited)


def test_errors_are_rows_too(asker: Asker, server: ScriptedServer) -> None:
    server.script = [error(500), Answer(body=b"")]
    asker(question(1))
    with Journal(asker.journal) as book:
        found = book._db.execute("SELECT attempt, outcome, http_status, cost_usd, reply FROM attempts").fetchall()
    assert found == [(1, "error", 500, 0.0, None), (2, "error", 200, None, None), (3, "ok", 200, None, GOOD)]
