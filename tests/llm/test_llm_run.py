"""The scheduler as a whole, in virtual time, with a provider that fails in every way it can."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from llm_scripted_server import GOOD, Verdict, question
from llm_virtual_time import run

from autointerp.errors import IncompleteError, InterruptedRunError, TerminatedRunError
from autointerp.llm import Journal, Limits, Outcome, RawReply, Reply, Request, Rung, SendError, Usage, request_key
from autointerp.llm._account import account_of
from autointerp.llm._breaker import PATIENCE
from autointerp.llm._job import Job
from autointerp.llm._pace import Pace
from autointerp.llm._prices import Price
from autointerp.llm._run import Run
from autointerp.llm._secret import Secret
from autointerp.llm._spec import parse_provider

PRICE = Price.model_validate({"as_of": "2026-11-01", "input": 2.0, "output": 8.0})
SPEC = parse_provider("openai:gpt-test", base_url="http://127.0.0.1:9/v1")
PERIOD_S = 40.0
BUSY = SendError("429", is_retryable=True, is_overload=True, http_status=429, retry_after_s=8.0)
DOWN = SendError("down", is_retryable=True)
Behaviour = Callable[[Request], tuple[float, RawReply | SendError]]


def ok(text: str = GOOD, outcome: Outcome = Outcome.ok, usage: Usage | None = Usage(100, 10)) -> RawReply:  # noqa: B008
    return RawReply(text, outcome, "" if outcome is Outcome.ok else str(outcome), usage, "r", 200)


class FakeProvider:
    """Takes its time, and answers or fails as it is told."""

    rungs = tuple(Rung)

    def __init__(self, behave: Behaviour, key: str) -> None:
        self.secret, self._behave = Secret(key), behave
        self.n_at_once = self.most_at_once = self.n_calls = 0
        self.sent_s: list[float] = []
        self.watch: Callable[[], None] = lambda: None

    async def send(self, request: Request, *, rung: Rung) -> RawReply:
        self.n_calls += 1
        self.n_at_once += 1
        self.most_at_once = max(self.most_at_once, self.n_at_once)
        self.sent_s.append(asyncio.get_running_loop().time())
        self.watch()
        try:
            seconds, answer = self._behave(request)
            await asyncio.sleep(seconds)
        finally:
            self.n_at_once -= 1
        if isinstance(answer, SendError):
            raise answer
        return answer

    async def close(self) -> None:
        pass


class Bench:
    """A journal, a provider and a run over questions."""

    def __init__(self, folder: Path, behave: Behaviour, **limits: float | None) -> None:
        self.provider = FakeProvider(behave, key=str(folder))
        self.account = account_of(SPEC, self.provider.secret)
        self.book = Journal(folder / "journal")
        self.book._db.execute("PRAGMA synchronous=OFF")  # a machine does not fail in this test
        self.replies: list[Reply] = []
        self.notes: list[str] = []
        self.run = Run(
            self.provider, SPEC, self.book, limits=Limits(**limits), price=PRICE, go_on="autointerp label --resume",  # type: ignore[arg-type]
            on_reply=self.replies.append, say=self.notes.append,
        )  # fmt: skip

    def go(self, n: int) -> None:
        jobs = [Job(request_key(question(number), SPEC), question(number)) for number in range(n)]
        run(self.run.finish(jobs))

    def rows(self, columns: str = "outcome") -> list[tuple[object, ...]]:
        return self.book._db.execute(f"SELECT {columns} FROM attempts ORDER BY id").fetchall()


def unruly(chance: random.Random, stats: Counter[str]) -> Behaviour:
    """Faults of every kind, and every 40 s five seconds in which the account is rate limited."""

    def behave(request: Request) -> tuple[float, RawReply | SendError]:
        now_s = asyncio.get_running_loop().time()
        seconds = chance.uniform(0.5, 8.0)
        if now_s % PERIOD_S > PERIOD_S - 5:
            stats["429"] += 1
            stats[f"episode {now_s // PERIOD_S:.0f}"] += 1
            return chance.uniform(0.5, 3.0), BUSY
        drawn = chance.random()
        faults: list[tuple[float, str, float, RawReply | SendError]] = [
            (0.02, "reset", seconds, DOWN),
            (0.02, "500", 0.2, SendError("500", is_retryable=True, http_status=500)),
            (0.01, "404", 0.2, SendError("404", http_status=404)),
            (0.002, "stall", 1000.0, ok()),
            (0.03, "invalid", seconds, ok("no")),
            (0.03, "truncated", seconds, ok('{"label', Outcome.truncated)),
            (0.02, "refused", seconds, ok("", Outcome.refused)),
            (0.02, "no usage", seconds, ok(usage=None)),
            (0.002, "too long", 0.1, SendError("429", is_retryable=True, http_status=429, retry_after_s=9e9)),
        ]
        for share, name, after_s, answer in faults:
            if drawn < share:
                stats[name] += 1
                return after_s, answer
            drawn -= share
        return seconds, ok(usage=Usage(chance.randrange(50, 150), chance.randrange(1, 60)))

    return behave


@pytest.mark.parametrize("n", [2000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_soak(tmp_path: Path, n: int) -> None:
    stats = Counter[str]()
    bench = Bench(tmp_path, unruly(random.Random(0), stats), timeout_s=60.0)
    limits_seen = list[int]()

    def watch() -> None:
        assert bench.provider.n_at_once <= bench.account.pace.limit
        limits_seen.append(bench.account.pace.limit)

    bench.provider.watch = watch
    bench.go(n)
    assert min(stats[name] for name in ("429", "reset", "500", "404", "invalid", "truncated", "refused")) > n // 300
    # exactly one reply a request
    assert Counter(reply.key for reply in bench.replies) == {request_key(question(i), SPEC): 1 for i in range(n)}
    # every send is a row, and the rows' costs are the replies' and the ledger
    assert len(bench.rows()) == bench.provider.n_calls
    paid = sum(cost for (cost,) in bench.rows("cost_usd") if isinstance(cost, float))
    assert sum(reply.cost_usd for reply in bench.replies if reply.cost_usd is not None) <= paid + 1e-9
    ledger = sum(reserved if cost is None else cost for cost, reserved in bench.rows("cost_usd, reserved_usd"))  # type: ignore[misc]
    assert bench.run._sender._budget._spent_usd == pytest.approx(ledger)
    assert bench.book.spent()[0] == pytest.approx(ledger)
    assert bench.run._sender._budget._n_held == 0
    # a row that ended a request is its last
    last = dict(bench.rows("key, outcome"))
    assert Counter(str(reply.outcome) for reply in bench.replies) == Counter(last.values())
    # one decrease an episode of 429s, not one a 429; the limit moves up in between
    n_episodes = sum(name.startswith("episode") for name in stats)
    assert n_episodes <= bench.account.pace.n_decreases <= n_episodes + stats["stall"] < stats["429"] / 3
    assert max(limits_seen) > 4 * limits_seen[0]
    assert bench.provider.n_at_once == bench.run._gate.n_in_flight == 0


@pytest.mark.parametrize("limit", [1, 7])
def test_a_fixed_concurrency_is_kept(tmp_path: Path, limit: int) -> None:
    bench = Bench(tmp_path, unruly(random.Random(1), Counter()), max_concurrency=limit)
    bench.go(300)
    assert bench.provider.most_at_once == limit
    assert len(bench.replies) == 300


def test_a_slow_start_fills_the_account(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda _: (1.0, ok()))
    bench.go(1000)
    elapsed_s = bench.provider.sent_s[-1] - bench.provider.sent_s[0]
    assert elapsed_s == pytest.approx(7.0, abs=1.5)  # 8 + 16 + 32 + 64 + 128 + 256 + 256 + ...
    assert bench.provider.most_at_once == 256


def test_slow_replies_are_no_reason_to_send_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda _: (40.0, ok()), timeout_s=120.0)
    bench.go(100)
    assert bench.provider.most_at_once == 8


def test_one_account_is_learnt_once(tmp_path: Path) -> None:
    first = Bench(tmp_path, lambda _: (1.0, ok()))
    first.go(200)
    assert first.account.pace.limit > 32
    (tmp_path / "b").mkdir()
    second = Bench(tmp_path / "b", lambda _: (1.0, ok()))
    assert second.account is not first.account
    second = Bench(tmp_path, lambda _: (1.0, ok()))
    assert second.run._gate.pace is first.account.pace


def test_a_pause_is_kept_by_everybody(tmp_path: Path) -> None:
    def behave(_: Request) -> tuple[float, RawReply | SendError]:
        if bench.provider.n_calls == 20:
            return 0.0, SendError("429", is_retryable=True, is_overload=True, http_status=429, retry_after_s=120.0)
        return 1.0, ok()

    bench = Bench(tmp_path, behave, max_concurrency=4)
    bench.go(60)
    sent = bench.provider.sent_s
    assert sent[20] - sent[19] >= 119.0
    assert {reply.outcome for reply in bench.replies} == {Outcome.ok}


def test_a_minute_holds_as_many_requests_as_it_may(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda _: (0.1, ok()), requests_per_minute=120.0)
    bench.go(300)
    sent = bench.provider.sent_s
    most = max(sum(start <= one < start + 60 for one in sent) for start in sent)
    assert 118 <= most <= 122


def test_a_minute_holds_as_many_tokens_as_it_may(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda _: (0.1, ok(usage=Usage(900, 100))), tokens_per_minute=60_000.0)
    bench.go(240)
    sent = bench.provider.sent_s
    assert 3.5 * 60 <= sent[-1] - sent[0] <= 4.5 * 60  # 240 x 1,000 tokens


def test_a_server_that_is_down_is_not_asked_ten_thousand_times(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda _: (0.0, DOWN))
    with pytest.raises(IncompleteError, match=r"20 requests in a row brought no reply.*down.*--resume"):
        bench.go(10_000)
    sent = bench.provider.sent_s
    assert PATIENCE <= len({key for (key,) in bench.rows("key")}) <= PATIENCE + 8
    assert sent[-1] - sent[0] < 60
    assert len(bench.replies) <= PATIENCE


def test_a_server_that_comes_back_is_waited_for(tmp_path: Path) -> None:
    def behave(_: Request) -> tuple[float, RawReply | SendError]:
        is_away = 1010.0 < asyncio.get_running_loop().time() < 1013.0
        return (0.0, DOWN) if is_away else (1.0, ok())

    bench = Bench(tmp_path, behave, max_attempts=20)
    bench.go(500)
    assert {reply.outcome for reply in bench.replies} == {Outcome.ok}


def test_few_requests_to_a_dead_server_are_just_errors(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda _: (0.0, DOWN))
    bench.go(PATIENCE)
    assert [reply.outcome for reply in bench.replies] == [Outcome.error] * PATIENCE


def test_a_dead_server_and_a_spent_budget_are_no_deadlock(tmp_path: Path) -> None:
    unknown = SendError("garbage", is_retryable=True, http_status=200)  # may have been billed
    bench = Bench(tmp_path, lambda _: (0.0, unknown), max_requests=PATIENCE + 2)
    bench.go(100)
    assert len(bench.rows()) == PATIENCE + 2
    assert {reply.outcome for reply in bench.replies} == {Outcome.skipped_budget}


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [(signal.SIGINT, InterruptedRunError, 130), (signal.SIGTERM, TerminatedRunError, 143)],
)
def test_an_interrupt_waits_for_what_is_paid_for(
    tmp_path: Path, number: int, kind: type[InterruptedRunError], code: int
) -> None:
    def behave(_: Request) -> tuple[float, RawReply | SendError]:
        if bench.provider.n_calls == 10:
            bench.run.interrupt(number)
        return 8.0, ok()

    bench = Bench(tmp_path, behave, max_concurrency=10)
    with pytest.raises(kind, match="Go on with: autointerp label --resume") as caught:
        bench.go(100)
    assert caught.type is kind
    assert kind.exit_code == code
    assert (bench.provider.n_calls, bench.rows()) == (10, [("ok",)] * 10)


def test_an_interrupt_does_not_wait_for_ever(tmp_path: Path) -> None:
    def behave(_: Request) -> tuple[float, RawReply | SendError]:
        bench.run.interrupt(signal.SIGINT) if bench.provider.n_calls == 2 else None
        return (100.0 if bench.provider.n_calls == 2 else 9.0), ok()

    bench = Bench(tmp_path, behave)
    with pytest.raises(InterruptedRunError):
        bench.go(100)
    assert bench.rows() == [("ok",)]


def test_an_interrupt_ends_waits_between_attempts(tmp_path: Path) -> None:
    def behave(_: Request) -> tuple[float, RawReply | SendError]:
        asyncio.get_running_loop().call_later(1.0, bench.run.interrupt, signal.SIGINT)
        return 0.0, SendError("429", is_retryable=True, is_overload=True, http_status=429, retry_after_s=200.0)

    bench = Bench(tmp_path, behave, max_concurrency=1)
    with pytest.raises(InterruptedRunError):
        bench.go(3)
    assert bench.rows() == [("error",)]


def test_who_waits_for_money_is_not_sent_after_an_interrupt(tmp_path: Path) -> None:
    def behave(_: Request) -> tuple[float, RawReply | SendError]:
        asyncio.get_running_loop().call_later(0.5, bench.run.interrupt, signal.SIGINT)
        return 1.0, SendError("404", http_status=404)  # free: it leaves room for the next one

    bench = Bench(tmp_path, behave, max_requests=1)
    with pytest.raises(InterruptedRunError):
        bench.go(3)
    assert bench.rows() == [("error",)]
    assert bench.run._sender._budget._n_held == 0


def test_a_listener_that_breaks_loses_no_reply(tmp_path: Path) -> None:
    def say(_: str) -> None:
        raise ZeroDivisionError

    bench = Bench(tmp_path, lambda _: (1.0, ok("no")), max_concurrency=1)
    bench.run._sender._say = say
    with pytest.raises(ZeroDivisionError):
        bench.go(9)
    assert len(bench.rows()) == bench.provider.n_calls == 3


def test_the_state_says_what_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda _: (1.0, ok() if bench.provider.n_calls > 1 else ok("no")))
    states = list[str]()
    bench.provider.watch = lambda: states.append(bench.run.state)
    bench.go(20)
    assert states[:2] == ["1 of 8 in flight", "2 of 8 in flight"]
    assert bench.run.state.endswith("in flight, 1 of 21 replies did not fit the schema")
    assert isinstance(bench.replies[-1].value, Verdict)
    assert Pace().limit == 8
