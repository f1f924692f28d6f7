"""Both SDKs against the scripted server: what comes back, and what is in the journal after."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import threading
from pathlib import Path

import pytest
from llm_scripted_server import CANARY, GOOD, Answer, Asker, Call, ScriptedServer, Verdict, error, question, spec_for

from autointerp.errors import InterruptedRunError, ProviderFatalError, UsageError
from autointerp.llm import Asking, Attempt, Journal, Limits, Message, Outcome, Reply, Request, Usage, ask, request_key

BAD = GOOD.replace("4", "9")


def rows(asker: Asker, *requests: Request) -> list[tuple[str, int]]:
    """Outcome and ask of every attempt, billed or not."""
    keys = [request_key(request, asker.spec) for request in requests]
    with Journal(asker.journal) as book:
        return [
            tuple(row)
            for key in keys
            for row in book._db.execute("SELECT outcome, ask FROM attempts WHERE key = ?", (key,))
        ]


def billed(asker: Asker, request: Request) -> list[Attempt]:
    with Journal(asker.journal) as book:
        return book.billed(request_key(request, asker.spec))


def test_an_answer(asker: Asker, server: ScriptedServer) -> None:
    (reply,) = asker(question(1))
    assert reply.outcome is Outcome.ok
    assert reply.value == Verdict(label="dogs", kind="MONO", confidence=4, evidence=[1, 2])
    assert (reply.usage, reply.cost_usd, reply.reason) == (Usage(100, 10, 20), None, "")
    assert (reply.tag, reply.from_journal, reply.key) == ("q1", False, request_key(question(1), asker.spec))
    (attempt,) = billed(asker, question(1))
    assert (attempt.reply, attempt.rung, attempt.http_status, attempt.request_id) == (GOOD, "json_schema", 200, "req-1")
    assert CANARY in str(server.calls[0].headers)
    assert asker.notes == ["1/1 cost unknown, 110 tokens, 0 of 1 in flight"]


def test_what_goes_over_the_wire(asker: Asker, server: ScriptedServer, kind: str) -> None:
    asker(question(1))
    body = server.calls[0].body
    if kind == "openai":
        assert server.calls[0].path == "/v1/chat/completions"
        assert body["messages"][0] == {"role": "system", "content": "You name things."}
        assert body["response_format"]["json_schema"]["strict"] is True
        assert set(body) == {"model", "messages", "max_completion_tokens", "response_format"}
    else:
        assert server.calls[0].path == "/v1/messages"
        cached = {"type": "text", "text": "You name things.", "cache_control": {"type": "ephemeral"}}
        assert body["system"] == [cached]
        assert body["messages"] == [{"role": "user", "content": "question 1"}]
        assert body["output_config"]["format"]["type"] == "json_schema"
        assert set(body) == {"model", "messages", "max_tokens", "system", "output_config"}


def test_nothing_is_sent_twice(asker: Asker, server: ScriptedServer) -> None:
    first = asker(question(1), question(2), dataclasses.replace(question(1), tag="again"), max_concurrency=4)
    assert len(server.calls) == 2
    assert [reply.tag for reply in first] == ["q1", "q2", "again"]
    second = asker(question(2), question(1), question(3))
    assert len(server.calls) == 3
    assert [reply.from_journal for reply in second] == [True, True, False]
    assert second[1] == dataclasses.replace(first[0], from_journal=True)
    assert asker.notes[-1].startswith("3/3 cost unknown, 110 tokens")


def test_samples_are_asked_apart(asker: Asker, server: ScriptedServer) -> None:
    asker(question(1), question(1, sample=1))
    assert len(server.calls) == 2


def test_replies_keep_the_order_of_requests(asker: Asker, server: ScriptedServer) -> None:
    def slow_first(call: Call) -> Answer:
        number = int(call.text.split("question ")[1].split('"')[0])
        return Answer(text=GOOD.replace("dogs", f"d{number}"), delay_s=0.1 if number == 0 else 0.0)

    server.otherwise = slow_first
    replies = asker(*map(question, range(12)), max_concurrency=4)
    assert [reply.value.label for reply in replies if isinstance(reply.value, Verdict)] == [f"d{i}" for i in range(12)]
    assert 1 < server.most_at_once <= 4


def test_a_refusal_is_final_and_named(asker: Asker, server: ScriptedServer, kind: str) -> None:
    server.script = [Answer(stop="refused")]
    (reply,) = asker(question(1))
    assert (reply.outcome, reply.value) == (Outcome.refused, None)
    assert reply.reason == ("the model declined" if kind == "openai" else "category frontier_llm")
    assert reply.usage.tokens_in == 100
    (again,) = asker(question(1))
    assert (again.outcome, again.from_journal, len(server.calls)) == (Outcome.refused, True, 1)


def test_a_content_filter_is_final(openai_asker: Asker, server: ScriptedServer) -> None:
    server.script = [Answer(text="", stop="filtered")]
    assert [openai_asker(question(1))[0].outcome for _ in range(2)] == [Outcome.filtered] * 2
    assert len(server.calls) == 1


def test_a_cut_reply_is_asked_again_with_more_room(asker: Asker, server: ScriptedServer, kind: str) -> None:
    server.script = [Answer(text='{"label": "do', stop="cut")]
    (reply,) = asker(question(1))
    assert (reply.outcome, reply.usage.tokens_out) == (Outcome.ok, 20)
    limit = "max_completion_tokens" if kind == "openai" else "max_tokens"
    assert [call.body[limit] for call in server.calls] == [600, 1200]
    assert rows(asker, question(1)) == [("truncated", 1), ("ok", 2)]


def test_an_invalid_reply_is_asked_again_with_the_errors(asker: Asker, server: ScriptedServer) -> None:
    server.script = [Answer(text=BAD)]
    (reply,) = asker(question(1))
    assert reply.outcome is Outcome.ok
    assert "less than or equal to 5" in server.calls[1].body["messages"][-1]["content"]
    assert rows(asker, question(1)) == [("invalid", 1), ("ok", 2)]


@pytest.mark.parametrize(("answer", "outcome"), [(Answer(text=BAD), "invalid"), (Answer(stop="cut"), "truncated")])
def test_there_is_one_reask_and_no_more(asker: Asker, server: ScriptedServer, answer: Answer, outcome: str) -> None:
    server.script = [answer, answer]
    (reply,) = asker(question(1))
    assert (reply.outcome, reply.value) == (outcome, None)
    (again,) = asker(question(1))
    assert (again.outcome, again.from_journal, len(server.calls)) == (outcome, True, 2)
    assert again.usage.tokens_in == 200


def test_a_reask_that_was_lost_is_made_up_for(asker: Asker, server: ScriptedServer) -> None:
    server.script = [Answer(text=BAD), error(404)]
    (reply,) = asker(question(1))
    assert (reply.outcome, reply.usage.tokens_in) == (Outcome.error, 100)
    (again,) = asker(question(1))
    assert again.outcome is Outcome.ok
    assert rows(asker, question(1)) == [("invalid", 1), ("error", 2), ("ok", 2)]


def test_a_replay_answers_from_the_journal_alone(asker: Asker, server: ScriptedServer, kind: str) -> None:
    server.script = [Answer(), Answer(text=BAD), error(404)]
    asker(question(1), question(2))
    before = asker.journal.read_bytes()
    asker.journal.chmod(0o444)
    asker.spec = spec_for(kind, server, replay=True)
    replies = asker(question(1), question(2), question(3))
    assert [reply.outcome for reply in replies] == [Outcome.ok, Outcome.invalid, Outcome.error]
    assert replies[2].reason == "not in the journal"
    assert len(server.calls) == 3
    assert asker.journal.read_bytes() == before


def test_a_replay_needs_a_journal(asker: Asker, server: ScriptedServer, kind: str) -> None:
    asker.spec = spec_for(kind, server, replay=True)
    with pytest.raises(UsageError, match="no journal here"):
        asker(question(1))


def test_a_refused_key_stops_the_run_and_keeps_the_rest(asker: Asker, server: ScriptedServer) -> None:
    server.script = [Answer(), error(401, message=f"bad key {CANARY}")]
    with pytest.raises(ProviderFatalError, match="status 401") as caught:
        asker(*map(question, range(9)))
    assert len(server.calls) == 2
    assert CANARY not in repr(caught.value) + str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert rows(asker, *map(question, range(9))) == [("ok", 1), ("error", 1)]


def test_what_is_in_flight_when_the_account_fails_comes_home(asker: Asker, server: ScriptedServer) -> None:
    def answer(call: Call) -> Answer:
        return error(403) if "question 0" in call.text else Answer(delay_s=0.2)

    server.otherwise = answer
    with pytest.raises(ProviderFatalError):
        asker(*map(question, range(8)), max_concurrency=4)
    assert sorted(rows(asker, *map(question, range(8)))) == [("error", 1), ("ok", 1), ("ok", 1), ("ok", 1)]


def test_works_inside_a_running_event_loop(asker: Asker) -> None:
    async def notebook() -> list[Reply]:
        return asker(question(1))

    assert asyncio.run(notebook())[0].outcome is Outcome.ok


def test_no_requests_leave_no_trace(asker: Asker) -> None:
    assert asker() == []
    assert not asker.journal.exists()


def test_a_server_on_this_computer_needs_no_key(
    asker: Asker, server: ScriptedServer, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"{kind.upper()}_API_KEY")
    assert asker(question(1))[0].outcome is Outcome.ok
    assert server.calls[0].headers.get("authorization", server.calls[0].headers.get("x-api-key", "")).endswith("none")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_lets_replies_come_home(asker: Asker, server: ScriptedServer, number: int) -> None:
    before = signal.getsignal(number)

    def answer(_call: Call) -> Answer:
        if len(server.calls) == 5:
            threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
        return Answer(delay_s=0.4 if len(server.calls) > 4 else 0.0)

    server.otherwise = answer
    with pytest.raises(InterruptedRunError, match="Go on with: the same command"):
        asker(*map(question, range(40)), max_concurrency=4)
    outcomes = rows(asker, *map(question, range(40)))
    assert len(outcomes) == len(server.calls) < 40
    assert set(outcomes) == {("ok", 1)}
    assert signal.getsignal(number) is before


def test_a_second_interrupt_gives_up(asker: Asker, server: ScriptedServer) -> None:
    def answer(_call: Call) -> Answer:
        for delay_s in (0.05, 0.15):
            threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGINT)).start()
        return Answer(delay_s=5)

    server.otherwise = answer
    with pytest.raises(InterruptedRunError):
        asker(question(1))
    assert rows(asker, question(1)) == []


def test_a_broken_listener_loses_no_reply(asker: Asker, server: ScriptedServer) -> None:
    def listener(*_: object) -> None:
        raise ZeroDivisionError

    asker._progress = listener  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        asker(*map(question, range(9)), max_concurrency=1)
    assert set(rows(asker, *map(question, range(9)))) == {("ok", 1)}
    assert len(server.calls) == len(rows(asker, *map(question, range(9)))) <= 2


def test_lone_surrogates_travel_as_escapes(asker: Asker, server: ScriptedServer) -> None:
    odd = Request((Message("user", "\ud800 \x00 \u2028"),), Verdict)
    server.script = [Answer(text="\ud800")]
    (reply,) = asker(odd)
    assert reply.outcome is Outcome.ok
    assert "\\ud800" in server.calls[0].body["messages"][-1]["content"]


def test_a_reply_that_no_longer_fits_is_invalid(tmp_path: Path, asker: Asker) -> None:
    del tmp_path
    asker(question(1))

    class Strict(Verdict):
        @classmethod
        def model_validate(cls, *_: object, **__: object) -> Strict:  # type: ignore[override]
            return Strict.model_validate_json("{}")

    Strict.__name__ = "Verdict"
    (reply,) = ask(
        [dataclasses.replace(question(1), reply_model=Strict)],
        provider=asker.spec,
        journal=asker.journal,
        limits=Limits(),
    )
    assert (reply.outcome, reply.from_journal) == (Outcome.invalid, True)
    assert "no longer fits" in reply.reason


def test_the_command_that_goes_on_is_exact(tmp_path: Path, server: ScriptedServer, waits: list[float]) -> None:
    del waits
    server.script = [error(401)]
    asking = Asking(
        base_url=server.root + "/v1",
        limits=Limits(max_cost_usd=None, max_requests=7, requests_per_minute=60.0),
        command=("autointerp", "label", "--out", "my run", "--resume"),
    )
    command = (
        f"autointerp label --out 'my run' --resume --llm openai:gpt-test --base-url {server.root}/v1 "
        "--max-requests 7 --rpm 60.0"
    )
    with pytest.raises(ProviderFatalError) as caught:
        asking.ask("openai:gpt-test", [question(1)], journal=tmp_path / "j", progress=None)
    assert str(caught.value).endswith(f"Go on with: {command}")
