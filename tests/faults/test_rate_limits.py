"""429 in every form, servers that are down in HTML, accounts without money, and clocks that jump. Both SDKs."""

from __future__ import annotations

import itertools
import re
import time
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace

import pytest
from llm_scripted_server import Answer, Asker, Call, ScriptedServer, error, question

import autointerp
from autointerp.errors import ProviderFatalError
from autointerp.llm import Journal, Outcome, request_key

FORMS = {
    "seconds": ({"retry-after": "7"}, 7.0),
    "a fraction": ({"retry-after": "61.5"}, 61.5),
    "milliseconds": ({"retry-after-ms": "61500"}, 61.5),
    "milliseconds win": ({"retry-after-ms": "90000", "retry-after": "1"}, 90.0),
    "milliseconds that are none": ({"retry-after-ms": "soon", "retry-after": "70"}, 70.0),
    "a date": ({"retry-after": "in 100 s"}, 95.0),
    "a date in the past": ({"retry-after": formatdate(1_000_000_000, usegmt=True)}, 0.0),
    "zero": ({"retry-after": "0"}, 0.0),
    "negative": ({"retry-after": "-30"}, 0.0),
    "nan": ({"retry-after": "nan"}, 0.0),
    "more than a float holds": ({"retry-after": "1e400"}, 0.0),
    "infinity": ({"retry-after": "inf"}, 0.0),
    "words": ({"retry-after": "when you like"}, 0.0),
    "a date that is none": ({"retry-after": "Mon, 99 Foo 2026 00:00:00 GMT"}, 0.0),
    "nothing": ({"retry-after": ""}, 0.0),
    "no header": ({}, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_the_wait_is_at_least_as_long_as_was_asked(
    asker: Asker, server: ScriptedServer, waits: list[float], name: str
) -> None:
    headers, asked_s = FORMS[name]
    if name == "a date":
        headers = {"retry-after": formatdate(time.time() + 100, usegmt=True)}
    server.script = [Answer(status=429, body=b"{}", headers=headers)]
    assert asker(question(1))[0].outcome is Outcome.ok
    (waited_s,) = waits
    assert max(asked_s, 0.5) <= waited_s <= max(asked_s + 6, 60)


def test_what_stays_limited_is_an_error_and_the_run_goes_on(
    asker: Asker, server: ScriptedServer, waits: list[float]
) -> None:
    limited = error(429, retry_after="3")
    server.otherwise = lambda call: limited if "question 1" in call.text else Answer()
    first, second = asker(question(1), question(2), max_attempts=4)
    assert (first.outcome, second.outcome) == (Outcome.error, Outcome.ok)
    assert "status 429" in first.reason
    assert len(waits) == 3
    assert min(waits) >= 3
    server.otherwise = lambda _: Answer()
    assert [reply.from_journal for reply in asker(question(1), question(2))] == [False, True]


def test_an_absurd_wait_is_told_in_few_digits(asker: Asker, server: ScriptedServer, waits: list[float]) -> None:
    server.script = [error(429, retry_after="1e300")]
    (reply,) = asker(question(1))
    assert (reply.outcome, waits) == (Outcome.error, [])
    assert reply.reason.startswith("rate_limited: asked to wait 1e+300 s; ")


def test_a_used_up_quota_exits_5_and_keeps_what_is_paid_for(
    asker: Asker, server: ScriptedServer, waits: list[float]
) -> None:
    server.script = [Answer(), Answer(), error(429, code="insufficient_quota", retry_after="1")]
    with pytest.raises(ProviderFatalError, match="insufficient_quota") as caught:
        asker(*map(question, range(9)))
    assert (caught.value.exit_code, len(server.calls), waits) == (5, 3, [])
    replies = asker(*map(question, range(9)))
    assert [reply.from_journal for reply in replies] == [True, True] + [False] * 7
    assert len(server.calls) == 3 + 7


@pytest.mark.parametrize("status", [500, 502, 503, 529])
def test_a_page_of_html_is_not_repeated_and_waits_are_not_in_step(
    asker: Asker, server: ScriptedServer, waits: list[float], status: int
) -> None:
    page = Answer(status=status, body=b"<html><h1>Bad gateway</h1></html>", headers={"content-type": "text/html"})
    server.otherwise = lambda _: page
    (first,) = asker(question(1))
    others = list(waits)
    (second,) = asker(question(2))
    for reply in (first, second):
        assert reply.outcome is Outcome.error
        assert f"status {status}" in reply.reason
        assert "<" not in reply.reason
        assert "gateway" not in reply.reason.lower()
    assert others != waits[len(others) :]
    assert len(waits) == 10
    assert all(0.5 <= wait <= 60 for wait in waits)


def test_a_request_that_is_too_large_says_so_and_is_not_repeated(asker: Asker, server: ScriptedServer) -> None:
    server.script = [error(413)]
    first, second = asker(question(1), question(2))
    assert (first.outcome, second.outcome, len(server.calls)) == (Outcome.error, Outcome.ok, 2)
    assert "larger than this server takes" in first.reason


def test_a_clock_that_jumps_moves_nothing(
    asker: Asker, server: ScriptedServer, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    year_s = 365 * 86_400.0
    jumps = itertools.cycle([time.time() + year_s, time.time() - year_s, 0.0])
    monkeypatch.setattr("autointerp.llm._http.time", SimpleNamespace(time=lambda: next(jumps)))
    server.script = [error(429, retry_after="40"), error(429, retry_after="50"), error(503), Answer()]
    (reply,) = asker(question(1))
    assert reply.outcome is Outcome.ok
    assert waits[0] >= 40
    assert waits[1] >= 50
    assert all(wait <= 60 for wait in waits)
    with Journal(asker.journal) as book:
        assert all(0 <= one.seconds < 60 for one in book.history(request_key(question(1), asker.spec)).attempts)


def test_only_dates_of_servers_are_held_against_the_wall_clock() -> None:
    package = Path(autointerp.__file__).parent
    readers = [file for file in package.rglob("*.py") if re.search(r"\btime\.time\(", file.read_text())]
    assert readers == [package / "llm" / "_http.py"]


def test_one_slow_request_holds_up_nobody(asker: Asker, server: ScriptedServer, waits: list[float]) -> None:
    def limited_at_first(call: Call) -> Answer:
        is_first = sum(one.text == call.text for one in server.calls) == 1
        return error(429, retry_after="30") if is_first and "question 3" in call.text else Answer()

    server.otherwise = limited_at_first
    replies = asker(*map(question, range(8)), max_concurrency=2)
    assert {reply.outcome for reply in replies} == {Outcome.ok}
    assert len(waits) == 1
