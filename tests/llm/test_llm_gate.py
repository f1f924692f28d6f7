"""The gate, in virtual time: who is let through when."""

from __future__ import annotations

import asyncio

import pytest
from llm_virtual_time import run

from autointerp.llm._account import Account
from autointerp.llm._breaker import PATIENCE
from autointerp.llm._gate import Gate, GateClosedError, clock_s


def a_gate(
    n: int | None = 2, *, account: Account | None = None, rpm: float | None = None, tpm: float | None = None
) -> Gate:
    return Gate(account or Account(), max_concurrency=n, requests_per_minute=rpm, tokens_per_minute=tpm)


async def settle() -> None:
    """Let everything happen that can happen now."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_was_begun_goes_before_what_is_new() -> None:
    async def work() -> list[str]:
        gate, order = a_gate(1), list[str]()

        async def go(name: str, *, is_new: bool) -> None:
            await gate.enter(1, is_new=is_new)
            order.append(name)
            await asyncio.sleep(1)
            gate.leave()

        await asyncio.gather(go("first", is_new=True), go("new", is_new=True), go("again", is_new=False))
        return order

    assert run(work()) == ["first", "again", "new"]


def test_a_pause_holds_for_the_whole_account() -> None:
    async def work() -> tuple[float, float]:
        account = Account()
        one, other = a_gate(account=account), a_gate(account=account)
        started = await one.enter(1, is_new=True)
        one.failed("k", started, is_overload=True, pause_s=30.0)
        one.leave()
        return await other.enter(1, is_new=True) - started, await one.enter(1, is_new=False) - started

    assert run(work()) == pytest.approx((30.0, 30.0))


def test_requests_a_minute() -> None:
    async def work() -> list[float]:
        gate, times = a_gate(100, rpm=60), list[float]()
        for _ in range(4):
            times.append(await gate.enter(1, is_new=True))
        return [one - times[0] for one in times]

    assert run(work()) == pytest.approx([0.0, 1.0, 2.0, 3.0])


def test_tokens_a_minute_are_corrected_by_what_was_used() -> None:
    async def work(surplus: float) -> float:
        gate = a_gate(100, tpm=6000)
        first = await gate.enter(1000, is_new=True)
        gate.leave(surplus_tokens=surplus)
        return await gate.enter(100, is_new=True) - first

    assert run(work(0.0)) == pytest.approx(10.0)
    assert run(work(900.0)) == pytest.approx(1.0)


def test_a_tripped_breaker_holds_new_requests_and_lets_probes_through() -> None:
    async def work() -> None:
        gate = a_gate(5)
        for number in range(PATIENCE):
            gate.failed(str(number), 0.0, is_overload=False)
        new = asyncio.create_task(gate.enter(1, is_new=True))
        await settle()
        assert not new.done()
        sent_s = await gate.enter(1, is_new=False)
        gate.replied(sent_s, is_evidence=False)
        gate.leave()
        await settle()
        assert new.done()

    run(work())


def test_closing_turns_everybody_away() -> None:
    async def work() -> None:
        gate = a_gate(1, rpm=1)
        await gate.enter(1, is_new=True)
        waiting = [asyncio.create_task(gate.enter(1, is_new=is_new)) for is_new in (True, False)]
        await settle()
        gate.close()
        for task in waiting:
            with pytest.raises(GateClosedError):
                await task
        with pytest.raises(GateClosedError):
            await gate.enter(1, is_new=True)

    run(work())


@pytest.mark.parametrize("is_let_through", [False, True])
def test_who_is_cancelled_holds_no_slot(*, is_let_through: bool) -> None:
    async def work() -> None:
        gate = a_gate(1)
        await gate.enter(1, is_new=True)
        task = asyncio.create_task(gate.enter(1, is_new=True))
        await settle()
        if is_let_through:  # and cancelled before it could go
            gate.leave()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if not is_let_through:
            gate.leave()
        assert gate.n_in_flight == 0
        assert await gate.enter(1, is_new=True) == clock_s()

    run(work())
