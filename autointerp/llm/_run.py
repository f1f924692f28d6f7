"""Sending: many requests at once, each attempt journalled before its reply counts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from autointerp.errors import InterruptedRunError, ProviderFatalError
from autointerp.llm._attempt import Attempt
from autointerp.llm._budget import Budget, Limits
from autointerp.llm._history import reask, reply_of, unanswered
from autointerp.llm._journal import Journal
from autointerp.llm._ladder import Ladder
from autointerp.llm._prices import Price
from autointerp.llm._provider import Provider, RawReply, Rung, SendError
from autointerp.llm._reply import Outcome, Reply
from autointerp.llm._request import Request, request_json
from autointerp.llm._retry import asks_too_long, retrying
from autointerp.llm._spec import ProviderSpec
from autointerp.llm._validate import validate_reply

DRAIN_S = 10.0
"""How long replies on their way are waited for after Ctrl-C or SIGTERM."""


@dataclass(frozen=True)
class Job:
    """A request that has no final reply yet."""

    key: str
    request: Request
    billed: tuple[Attempt, ...]
    """What earlier runs paid for: nothing, or a first ask whose re-ask is still to come."""


class _HaltedError(Exception):
    """The run stops; this job is left as it is."""


class _OverBudgetError(Exception):
    """The next send does not fit."""


class Run:
    """One pass over the jobs of one ``ask()``."""

    def __init__(
        self,
        provider: Provider,
        spec: ProviderSpec,
        journal: Journal,
        *,
        limits: Limits,
        price: Price | None,
        on_reply: Callable[[Reply], None],
        say: Callable[[str], None],
    ) -> None:
        """Get ready.

        Args:
            provider: Sends.
            spec: What the provider was made from.
            journal: Open for writing.
            limits: The caller's.
            price: Of the model, if known.
            on_reply: Told each reply as it comes.
            say: Told what the user should read.
        """
        self._provider, self._spec, self._journal = provider, spec, journal
        self._limits, self._price = limits, price
        self._on_reply, self._say = on_reply, say
        spent_usd, n_spent = journal.spent()
        self._budget = Budget(limits, price, spent_usd=spent_usd, n_spent=n_spent)
        self._ladder = Ladder(provider.rungs)
        self.n_in_flight = 0
        self._n_interrupts = 0
        self._error: Exception | None = None
        self._halt, self._cut = asyncio.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def interrupt(self) -> None:
        """Start nothing more; a second call also gives up on what is on its way. Callable from a signal handler."""
        self._n_interrupts += 1
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._notice_interrupt)

    async def finish(self, jobs: Sequence[Job]) -> None:
        """Bring every job to its reply.

        Args:
            jobs: Started in this order.

        Raises:
            ProviderFatalError: The account was refused; what was on its way is journalled.
            InterruptedRunError: ``interrupt`` was called.
        """
        self._loop = asyncio.get_running_loop()
        self._notice_interrupt()
        try:
            queue = iter(jobs)
            n_workers = min(self._limits.max_concurrency, len(jobs))
            await self._until_done([asyncio.create_task(self._work(queue)) for _ in range(n_workers)])
        finally:
            await self._provider.close()
        if self._error is not None:
            raise self._error
        if self._n_interrupts:
            raise InterruptedRunError(f"stopped. All replies so far are in {self._journal.path}; run again to go on.")

    async def _until_done(self, workers: list[asyncio.Task[None]]) -> None:
        everyone = asyncio.gather(*workers, return_exceptions=True)
        halt, cut = asyncio.ensure_future(self._halt.wait()), asyncio.ensure_future(self._cut.wait())
        either: list[asyncio.Future[Any]] = [everyone, halt]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        patience_s = DRAIN_S if self._n_interrupts else self._limits.timeout_s + DRAIN_S
        either = [everyone, cut]
        await asyncio.wait(either, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        for task in (*workers, halt, cut):
            task.cancel()
        await everyone

    def _notice_interrupt(self) -> None:
        if self._n_interrupts > 0:
            self._halt.set()
        if self._n_interrupts > 1:
            self._cut.set()

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._halt.set()

    async def _work(self, queue: Iterator[Job]) -> None:
        for job in queue:
            if self._halt.is_set():
                return
            try:
                self._on_reply(await self._answer(job))
            except _HaltedError:
                return
            except Exception as error:  # a broken disk or listener: the others still bring their replies home
                self._fail(error)
                return

    async def _answer(self, job: Job) -> Reply:
        billed = list(job.billed)
        try:
            while not (billed and billed[-1].is_final):
                request = reask(job.request, billed[-1]) if billed else job.request
                billed.append(await self._send(job, request, ask=len(billed) + 1))
        except SendError as error:
            waited = f"rate_limited: asked to wait {error.retry_after_s:.0f} s; " if asks_too_long(error) else ""
            return unanswered(job.key, job.request, billed, Outcome.error, waited + error.reason)
        except _OverBudgetError as error:
            return unanswered(job.key, job.request, billed, Outcome.skipped_budget, str(error))
        return reply_of(job.key, job.request, billed, from_journal=False)

    async def _send(self, job: Job, request: Request, *, ask: int) -> Attempt:
        """Send until a reply comes or no more patience is due."""
        attempt: Attempt
        async for retry in retrying(max_attempts=self._limits.max_attempts, pause=self._pause):
            with retry:
                attempt = await self._send_as_accepted(job, request, ask=ask)
        return attempt

    async def _send_as_accepted(self, job: Job, request: Request, *, ask: int) -> Attempt:
        """Send; where the server refuses how something is asked for, ask in the next way at once."""
        while True:
            rung = self._ladder.rung
            try:
                return await self._attempt(job, request, ask=ask, rung=rung)
            except SendError as error:
                if error.refuses == "limit":
                    continue
                note = self._ladder.refused(rung) if error.refuses == "format" else None
                if note is None:
                    raise
                self._note(note)

    async def _attempt(self, job: Job, request: Request, *, ask: int, rung: Rung) -> Attempt:
        worst_usd = self._budget.worst_case(request)
        if refusal := await self._budget.reserve(worst_usd):
            raise _OverBudgetError(refusal)
        if self._halt.is_set():
            await self._budget.settle(worst_usd, 0.0, is_free=True)
            raise _HaltedError
        started, clock = datetime.now(UTC), time.monotonic()
        answer = await self._send_once(request, rung)
        is_free = isinstance(answer, SendError) and answer.is_free
        outcome, reason = self._judge(answer, request, rung)
        usage = answer.usage if isinstance(answer, RawReply) else None
        cost_usd = 0.0 if is_free else self._price.cost(usage) if self._price and usage else None
        redact = self._provider.secret.redact
        attempt = Attempt(
            key=job.key,
            tag=redact(job.request.tag),
            provider=self._spec.kind,
            endpoint=self._spec.base_url,
            model=self._spec.model,
            rung=rung,
            ask=ask,
            request=redact(request_json(request, self._spec)),
            reply=redact(answer.text) if isinstance(answer, RawReply) else None,
            outcome=outcome,
            reason=redact(reason),
            usage=usage,
            cost_usd=cost_usd,
            reserved_usd=worst_usd,
            started=started.isoformat(timespec="milliseconds"),
            seconds=round(time.monotonic() - clock, 6),
            http_status=answer.http_status,
            request_id=answer.request_id,
        )
        await asyncio.to_thread(self._journal.record, attempt)
        await self._budget.settle(worst_usd, cost_usd, is_free=is_free)
        if isinstance(answer, RawReply):
            return attempt
        if answer.is_fatal:
            self._fail(self._fatal(attempt.reason))
        raise answer

    async def _send_once(self, request: Request, rung: Rung) -> RawReply | SendError:
        self.n_in_flight += 1
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                return await self._provider.send(request, rung=rung)
        except TimeoutError:
            return SendError(f"deadline: no reply within {self._limits.timeout_s:g} s", is_retryable=True)
        except SendError as error:
            return error
        finally:
            self.n_in_flight -= 1

    def _judge(self, answer: RawReply | SendError, request: Request, rung: Rung) -> tuple[Outcome, str]:
        if isinstance(answer, SendError):
            return Outcome.error, answer.reason
        if answer.outcome is not Outcome.ok:
            return answer.outcome, answer.reason
        checked = validate_reply(answer.text, request.reply_model)
        is_valid = not isinstance(checked, str)
        self._note(self._ladder.judged(rung, is_valid=is_valid))
        return (Outcome.ok, "") if is_valid else (Outcome.invalid, str(checked))

    def _note(self, sentence: str) -> None:
        if sentence:
            self._say(f"{self._spec}: {sentence}")

    async def _pause(self, seconds: float) -> None:
        await pause(seconds, self._halt)
        if self._halt.is_set():
            raise _HaltedError

    def _fatal(self, reason: str) -> ProviderFatalError:
        return ProviderFatalError(
            f"{self._spec}: the provider refuses this account ({reason}). Check {self._spec.kind.upper()}_API_KEY and "
            f"the account's limits. Replies so far are in {self._journal.path} and will not be paid again."
        )


async def pause(seconds: float, halt: asyncio.Event) -> None:
    """Wait, but not past ``halt``."""
    try:
        async with asyncio.timeout(seconds):
            await halt.wait()
    except TimeoutError:
        return
