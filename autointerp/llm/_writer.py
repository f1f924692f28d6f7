"""Group commit: attempts that end at about the same time reach the disk in one transaction."""

from __future__ import annotations

import asyncio

from autointerp.llm._attempt import Attempt
from autointerp.llm._journal import Journal


class Writer:
    """Writes to a journal from an event loop. While one transaction is synced, the next one gathers."""

    def __init__(self, journal: Journal) -> None:
        """Args: open for writing."""
        self._journal = journal
        self._waiting: list[tuple[Attempt, asyncio.Future[None]]] = []
        self._work: asyncio.Task[None] | None = None

    async def record(self, attempt: Attempt) -> None:
        """Write one attempt; it is on disk when this returns.

        Raises:
            AutointerpError: The disk refuses.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((attempt, written))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._write())
        await written

    async def close(self) -> None:
        """Wait for what was handed in, also by tasks that were cancelled since."""
        if self._work is not None:
            await self._work

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            failure = None
            try:
                await asyncio.to_thread(self._journal.record_many, [attempt for attempt, _ in batch])
            except Exception as error:  # told to everybody in the batch
                failure = error
            for _, written in batch:
                if written.done():
                    continue
                if failure is None:
                    written.set_result(None)
                else:
                    written.set_exception(failure)
