"""Group commit: few transactions, and nobody is told of a row that is not on disk."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from autointerp.errors import AutointerpError
from autointerp.llm import Attempt, Journal, Outcome
from autointerp.llm._lanes import WIDTH, Lanes
from autointerp.llm._writer import Writer

ATTEMPT = Attempt(
    key="k", tag="", provider="openai", endpoint="e", model="m", rung="prompt", ask=1, request="{}", reply="x",
    outcome=Outcome.ok, reason="", usage=None, cost_usd=None, reserved_usd=None, started="s", seconds=0.0,
    http_status=200, request_id=None,
)  # fmt: skip


def test_attempts_that_end_together_share_a_transaction(tmp_path: Path) -> None:
    async def work(book: Journal) -> None:
        writer = Writer(book)

        async def record(number: int) -> None:
            await writer.record(dataclasses.replace(ATTEMPT, key=str(number)))
            assert len(book.billed(str(number))) == 1

        await asyncio.gather(*map(record, range(200)))
        await writer.close()

    with Journal(tmp_path / "j") as book:
        transactions = list[str]()
        book._db.set_trace_callback(lambda words: transactions.append(words) if words == "COMMIT" else None)
        asyncio.run(work(book))
        assert 1 <= len(transactions) < 20
        assert book.spent()[1] == 200


def test_a_full_disk_is_told_to_everybody_and_the_next_may_try(tmp_path: Path) -> None:
    async def work(book: Journal) -> list[BaseException | None]:
        writer = Writer(book)
        big = dataclasses.replace(ATTEMPT, request="x" * 200_000)
        told = await asyncio.gather(*(writer.record(one) for one in (ATTEMPT, big, ATTEMPT)), return_exceptions=True)
        book._db.execute("PRAGMA max_page_count = 100000")
        await writer.record(ATTEMPT)
        await writer.close()
        return told

    with Journal(tmp_path / "j") as book:
        (pages,) = book._db.execute("PRAGMA page_count").fetchone()
        book._db.execute(f"PRAGMA max_page_count = {pages}")
        told = asyncio.run(work(book))
        assert any(isinstance(one, AutointerpError) for one in told)
        assert book.spent()[1] == sum(one is None for one in told) + 1


def test_a_row_that_was_handed_in_is_written_although_nobody_waits(tmp_path: Path) -> None:
    async def work(book: Journal) -> None:
        writer = Writer(book)
        task = asyncio.create_task(writer.record(ATTEMPT))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await writer.close()

    with Journal(tmp_path / "j") as book:
        asyncio.run(work(book))
        assert len(book.billed("k")) == 1


def test_lanes_are_made_when_they_are_needed() -> None:
    class Client:
        is_closed = False

        async def close(self) -> None:
            self.is_closed = True

    made = list[Client]()
    lanes = Lanes(lambda: made.append(Client()) or made[-1])
    lent = [lanes.lend() for _ in range(WIDTH + 1)]
    clients = [one.__enter__() for one in lent]
    assert clients == [made[0]] * WIDTH + [made[1]]
    for one in lent:
        one.__exit__(None, None, None)
    with lanes.lend() as client:
        assert client is made[0] is lanes.first
    asyncio.run(lanes.close())
    assert [client.is_closed for client in made] == [True, True]
