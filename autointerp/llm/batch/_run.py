"""One pass of jobs through a batch service: submit, wait, collect, and once more for the re-asks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from autointerp.llm._budget import Budget, Limits
from autointerp.llm._history import reply_of, unanswered
from autointerp.llm._job import Job
from autointerp.llm._journal import Journal
from autointerp.llm._lines import Lines, read_lines
from autointerp.llm._prices import Price
from autointerp.llm._provider import SendError
from autointerp.llm._reply import Outcome, Reply
from autointerp.llm._retry import retrying
from autointerp.llm._spec import ProviderSpec
from autointerp.llm.batch._book import BatchBook, OpenBatch
from autointerp.llm.batch._calls import TRANSFER_S, Calls
from autointerp.llm.batch._parts import parts
from autointerp.llm.batch._rows import attempt_of, next_request
from autointerp.llm.batch._service import BatchService, BatchState

SHORTEST_POLL_S, LONGEST_POLL_S, POLL_GROWTH = 5.0, 60.0, 1.5
SETTLE_S = 15.0
"""After a submission without an answer: how long the provider gets before its list is believed."""
PAGE, MOST_PAGES = 100, 100

Send = tuple[Job, float | None]
"""A job and the worst case of its next request."""


class BatchRun:
    """One pass over the jobs of one ``ask()``."""

    def __init__(
        self,
        service: BatchService,
        spec: ProviderSpec,
        journal: Journal,
        *,
        limits: Limits,
        price: Price | None,
        go_on: str,
        on_reply: Callable[[Reply], None],
        say: Callable[[str], None],
    ) -> None:
        """Get ready.

        Args:
            service: Takes batches.
            spec: What the service was made from.
            journal: Open for writing.
            limits: The caller's.
            price: Of the model, if known.
            go_on: The command that goes on, for messages.
            on_reply: Told each reply as it comes.
            say: Told what the user should read.
        """
        self._service, self._spec, self._journal = service, spec, journal
        self._limits, self._price = limits, price
        self._on_reply, self._say = on_reply, say
        self._book = BatchBook(journal)
        self._calls = Calls(spec, limits, go_on=go_on)
        self.interrupt = self._calls.interrupt

    @property
    def state(self) -> str:
        """What goes on, in a few words."""
        return f"{sum(self._calls.under_way.values())} in batches"

    async def finish(self, jobs: Sequence[Job]) -> None:
        """Bring every job to its reply, in two rounds at most: re-asks are a round of their own.

        Args:
            jobs: Those that an open batch holds are collected from there, the others are submitted.

        Raises:
            ProviderFatalError: The account was refused.
            IncompleteError: The service does not answer, or can't say whether a batch was submitted.
            InterruptedRunError: ``interrupt`` was called.
        """
        await self._calls.run(self._finish(list(jobs)))

    async def _finish(self, jobs: list[Job]) -> None:
        try:
            while jobs:
                jobs = await self._round(jobs)
        finally:
            await self._service.close()

    async def _round(self, jobs: Sequence[Job]) -> list[Job]:
        """Answer jobs; returns those that are to be asked once more."""
        batches = [found for batch in self._book.holding(jobs) if (found := await self._certain(batch))]
        held = {job.key for job in jobs if any(batch.holds(job) for batch in batches)}
        batches += await self._submit_all([job for job in jobs if job.key not in held])
        mine = {batch.name: [job for job in jobs if batch.holds(job)] for batch in batches}
        self._calls.under_way.update({str(batch.batch_id): len(mine[batch.name]) for batch in batches})
        again = []
        for batch in batches:
            state = await self._wait(str(batch.batch_id))
            again += await self._collect(batch, state, mine[batch.name])
            del self._calls.under_way[state.batch_id]
        return again

    async def _certain(self, batch: OpenBatch) -> OpenBatch | None:
        """An open batch with its id; None for one that was never submitted."""
        if batch.batch_id is not None:
            return batch
        found = await self._find(batch)
        if found is None:
            self._book.drop(batch)
        return found

    async def _submit_all(self, jobs: Sequence[Job]) -> list[OpenBatch]:
        spent_usd, n_spent = self._journal.spent()
        budget = Budget(self._limits, self._price, spent_usd=spent_usd, n_spent=n_spent)
        fitting: list[tuple[Send, dict[str, Any]]] = []
        for job in jobs:
            request = next_request(job)
            worst_usd = budget.worst_case(request, is_batch=True)
            if refusal := await budget.reserve(worst_usd, wait=False):
                self._on_reply(unanswered(job.key, job.request, job.billed, Outcome.skipped_budget, refusal))
            else:
                fitting.append(((job, worst_usd), self._service.line(job.key, request)))
        batches = []
        for part in parts(fitting, max_requests=self._service.max_requests, max_bytes=self._service.max_bytes):
            self._calls.stop_if_interrupted()
            batch = await self._submit([send for send, _ in part], [line for _, line in part])
            batches += [batch] if batch else []
        return batches

    async def _submit(self, sends: Sequence[Send], lines: Sequence[dict[str, Any]]) -> OpenBatch | None:
        """Start one batch, written down before and after; None where the provider refuses it."""
        newest = await self._calls.patiently(partial(self._service.page, limit=1, after=None))
        requests = [(job.key, len(job.billed) + 1, worst_usd) for job, worst_usd in sends]
        batch = self._book.begin(self._spec, requests, newest[0].batch_id if newest else None)
        try:
            async for attempt in retrying(max_attempts=self._limits.max_attempts, pause=self._calls.pause):
                with attempt:
                    batch = await self._submit_once(batch, lines)
        except SendError as error:
            failure = error
        else:
            self._calls.under_way[str(batch.batch_id)] = len(sends)
            self._say(f"batch {batch.batch_id}: {len(sends)} requests submitted")
            return batch
        if not _may_have_started(failure):
            self._book.drop(batch)
        if failure.is_fatal:
            raise self._calls.failure(failure)
        reason = f"the batch was not taken: {failure.reason}"
        for job, _ in sends:
            self._on_reply(unanswered(job.key, job.request, job.billed, Outcome.error, reason))
        return None

    async def _submit_once(self, batch: OpenBatch, lines: Sequence[dict[str, Any]]) -> OpenBatch:
        try:
            submit = partial(self._service.submit, batch.name, lines)
            batch_id = await self._calls.once(submit, deadline_s=TRANSFER_S)
        except SendError as error:
            if _may_have_started(error):
                await self._calls.pause(SETTLE_S)
                if found := await self._find(batch):
                    return found
            raise
        return self._book.submitted(batch, batch_id)

    async def _find(self, batch: OpenBatch) -> OpenBatch | None:
        """A batch whose id nobody wrote down, looked up among those newer than the newest before it.

        Returns:
            The batch with its id; None where it surely was not submitted.
        """
        after = None
        for _ in range(MOST_PAGES):
            page = await self._calls.patiently(partial(self._service.page, limit=PAGE, after=after))
            for state in page:
                if state.batch_id == batch.newest_before:
                    return None
                if await self._is(batch, state):
                    return self._book.submitted(batch, state.batch_id)
            if not page:
                return None
            after = page[-1].batch_id
        raise self._calls.undecided("the provider's list of batches has no end")

    async def _is(self, batch: OpenBatch, state: BatchState) -> bool:
        """Whether a batch of the account is ours: by its name, or where there are no names by what came back."""
        if state.name is not None or state.n_total != len(batch.asks):
            return state.name == batch.name
        self._say(f"batch {state.batch_id} may be the one that was submitted last: its results will tell")
        state = await self._wait(state.batch_id)
        if not state.results:
            raise self._calls.undecided(f"it may be {state.batch_id}, whose results are gone")
        lines = await self._results(state, batch.asks)
        return bool(lines.answers) and not lines.n_unknown

    async def _wait(self, batch_id: str) -> BatchState:
        """Until a batch is over."""
        poll_s = SHORTEST_POLL_S
        while True:
            state = await self._calls.patiently(partial(self._service.state, batch_id))
            if state.is_over:
                return state
            self._say(f"batch {batch_id}: {state.status}, {state.n_done} of {state.n_total} done")
            await self._calls.pause(poll_s)
            poll_s = min(poll_s * POLL_GROWTH, LONGEST_POLL_S)

    async def _collect(self, batch: OpenBatch, state: BatchState, jobs: Sequence[Job]) -> list[Job]:
        """Write down how jobs have ended; returns those that are to be asked once more."""
        lines = await self._results(state, batch.asks)
        attempts = [
            attempt_of(job, batch, state, lines, service=self._service, spec=self._spec, price=self._price)
            for job in jobs
        ]
        self._book.settle(batch, attempts)
        if notes := lines.notes():
            self._say(f"batch {state.batch_id}: {notes}")
        again = []
        for job, attempt in zip(jobs, attempts, strict=True):
            billed = (*job.billed, attempt)
            if not attempt.outcome.is_billed:
                self._on_reply(unanswered(job.key, job.request, job.billed, attempt.outcome, attempt.reason))
            elif attempt.is_final:
                self._on_reply(reply_of(job.key, job.request, billed, from_journal=False))
            else:
                again.append(Job(job.key, job.request, billed))
        return again

    async def _results(self, state: BatchState, known: Collection[str]) -> Lines:
        """All results, from a file; a file with a torn line is fetched once more before it is believed."""
        with tempfile.TemporaryDirectory(prefix="autointerp-") as folder:
            path = Path(folder) / "results.jsonl"
            for _ in range(2):
                await self._calls.patiently(partial(self._service.download, state, path), deadline_s=TRANSFER_S)
                lines = read_lines(path, known=known, fields=self._service.fields)
                if not lines.unreadable:
                    break
        return lines


def _may_have_started(error: SendError) -> bool:
    """Whether a batch may be on its way although no id came back: anything but a clear refusal."""
    return not 400 <= (error.http_status or 0) < 500
