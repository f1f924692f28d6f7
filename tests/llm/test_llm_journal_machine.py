"""Two runs with a shared cache, in any order of asking, failing, dying and retrying: the books always balance."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from llm_scripted_server import GOOD, question

from autointerp.llm import (
    Journal,
    Limits,
    Outcome,
    RawReply,
    Reply,
    Request,
    Rung,
    SendError,
    Usage,
    ask,
    parse_provider,
    request_key,
)
from autointerp.llm._budget import input_bytes
from autointerp.llm._prices import find_price
from autointerp.llm._secret import Secret

NUMBERS = range(4)
REQUESTS = [question(number) for number in NUMBERS]
SPEC = parse_provider("openai:m", base_url="http://127.0.0.1:1/v1")
KEYS = [request_key(request, SPEC) for request in REQUESTS]
PRICES = '["openai:m"]\nas_of = 2026-11-01\ninput = 100.0\noutput = 1000.0\n'
USAGE = Usage(100, 10, 20)
EVENTS = ("ok", "refused", "filtered", "truncated", "invalid", "declined", "lost", "killed")


class KilledError(Exception):
    """The process dies while a request is on its way."""


class Ledger:
    """What one run should know."""

    def __init__(self, folder: Path) -> None:
        self.journal = folder / "journal.sqlite3"
        self.final: dict[int, str] = {}
        """Question -> how it ended for good."""
        self.begun: set[int] = set()
        """Questions with a first ask whose re-ask is still to come."""
        self.awaited: set[int] = set()
        """Questions that were reopened."""
        self.billed_usd = self.feared_usd = 0.0
        self.n_sent = 0


class World(RuleBasedStateMachine):
    """The provider and its two customers."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "prices.toml").write_text(PRICES)
        price = find_price(SPEC, self.folder / "prices.toml")
        assert price is not None
        self.price = price
        self.ledgers = {name: Ledger(self.folder / name) for name in "ab"}
        self.cached: dict[int, str] = {}
        self.rungs, self.secret = (Rung.json_schema,), Secret("none")
        self.current, self.with_cache, self.events = self.ledgers["a"], False, list[str]()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    async def send(self, request: Request, *, rung: Rung) -> RawReply:
        """The provider's side of a request."""
        del rung
        ledger, number = self.current, int(request.tag.removeprefix("q"))
        assert number not in ledger.final
        event = self.events.pop() if self.events else "ok"
        if event == "killed":
            raise KilledError
        if event == "declined":
            raise SendError("status 404", http_status=404)
        ledger.n_sent += 1
        if event == "lost":
            ledger.feared_usd += self.price.worst_cost(input_bytes(request) / 3, request.max_output_tokens)
            raise SendError("no reply came")
        cost = self.price.cost(USAGE)
        assert cost is not None
        ledger.billed_usd += cost
        if event in ("truncated", "invalid") and number not in ledger.begun:
            ledger.begun.add(number)
        else:
            self.settle(number, event)
            if self.with_cache:
                self.cached[number] = event
        outcome = Outcome.ok if event == "invalid" else Outcome(event)
        return RawReply("no" if event == "invalid" else GOOD, outcome, "", USAGE, None, 200)

    async def close(self) -> None:
        """Part of the protocol."""

    def settle(self, number: int, outcome: str) -> None:
        """A question of the current run is answered for good."""
        self.current.final[number] = outcome
        self.current.begun.discard(number)
        self.current.awaited.discard(number)

    def ask(self, numbers: Iterable[int], *, limits: Limits, leave: Iterable[str] = ()) -> list[Reply]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("autointerp.llm._ask.open_provider", lambda *_, **__: self)
            return ask(
                [REQUESTS[number] for number in numbers],
                provider=SPEC,
                journal=self.current.journal,
                limits=limits,
                cache=self.folder / "cache" if self.with_cache else None,
                prices=self.folder / "prices.toml",
                leave=frozenset(leave),
            )

    @rule(
        name=st.sampled_from("ab"),
        numbers=st.lists(st.sampled_from(NUMBERS), min_size=1, unique=True),
        events=st.lists(st.sampled_from(EVENTS), max_size=6),
        with_cache=st.booleans(),
        n_more=st.none() | st.integers(0, 4),
    )
    def a_run_asks(
        self, name: str, numbers: list[int], events: list[str], with_cache: bool, n_more: int | None
    ) -> None:
        self.current, self.with_cache, self.events = self.ledgers[name], with_cache, events
        for number in numbers if with_cache else []:
            if number in self.current.final:
                self.cached.setdefault(number, self.current.final[number])
            elif number in self.cached and number not in self.current.awaited:
                self.settle(number, self.cached[number])
        limits = Limits(max_requests=None if n_more is None else self.current.n_sent + n_more, max_concurrency=1)
        try:
            replies = self.ask(numbers, limits=limits)
        except KilledError:
            return
        for number, reply in zip(numbers, replies, strict=True):
            if number in self.current.final:
                assert reply.outcome == self.current.final[number]
            else:
                assert reply.outcome in (Outcome.error, Outcome.skipped_budget)

    @rule(name=st.sampled_from("ab"), numbers=st.lists(st.sampled_from(NUMBERS), unique=True))
    def a_run_retries(self, name: str, numbers: list[int]) -> None:
        ledger = self.ledgers[name]
        had_a_reply = {number for number in numbers if number in ledger.final or number in ledger.begun}
        with Journal(ledger.journal) as book:
            assert book.reopen(KEYS[number] for number in numbers) == len(had_a_reply)
        for number in had_a_reply:
            ledger.final.pop(number, None)
            ledger.begun.discard(number)
            ledger.awaited.add(number)

    @invariant()
    def the_books_balance(self) -> None:
        for ledger in self.ledgers.values():
            with Journal(ledger.journal) as book:
                histories = [book.history(key) for key in KEYS]
                assert book.spent() == (pytest.approx(ledger.billed_usd + ledger.feared_usd), ledger.n_sent)
                rows = book._db.execute("SELECT key, attempt FROM attempts ORDER BY key, id").fetchall()
            assert {number for number in NUMBERS if histories[number].is_final} == ledger.final.keys()
            assert {number: histories[number].billed[-1].outcome for number in ledger.final} == ledger.final
            assert {number for number in NUMBERS if histories[number].is_awaited} == ledger.awaited
            assert [sum(one.is_final for one in history.attempts) for history in histories] == [
                int(number in ledger.final) for number in NUMBERS
            ]
            assert rows == [(key, n + 1) for key in sorted(KEYS) for n in range(sum(row[0] == key for row in rows))]

    @invariant()
    def replies_cost_what_was_billed(self) -> None:
        self.with_cache = False
        for ledger in self.ledgers.values():
            self.current = ledger
            replies = self.ask(NUMBERS, limits=Limits(), leave=KEYS)
            assert sum(reply.cost_usd or 0.0 for reply in replies) == pytest.approx(ledger.billed_usd)


def test_the_books_of_two_runs_balance() -> None:
    run_state_machine_as_test(
        World,
        settings=settings(
            max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
