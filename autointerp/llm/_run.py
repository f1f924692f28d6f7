"""All requests of one ``ask()``: begun one after the other, as fast as the account takes them, and brought home."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from autointerp.errors import IncompleteError, ProviderFatalError
from autointerp.llm._attempt import Attempt
from autointerp.llm._breaker import PATIENCE
from autointerp.llm._budget import Limits
from autointerp.llm._gate import GateClosedError
from autointerp.llm._history import reask, reply_of, unanswered
from autointerp.llm._job import Job
from autointerp.llm._journal import Journal
from autointerp.llm._prices import Price
from autointerp.llm._provider import Provider, SendError
from autointerp.llm._reply import Outcome, Reply
from autointerp.llm._request import Request
from autointerp.llm._retry import asks_too_long, retrying
from autointerp.llm._sender import OverBudgetError, Sender
from autointerp.llm._signals import Interrupts, pause
from autointerp.llm._spec import ProviderSpec

DRAIN_S = 10.0
"""How long replies on their way are waited for after Ctrl-C or SIGTERM."""


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
        go_on: str = "the same command",
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
            go_on: The command that goes on with this, for messages.
            on_reply: Told each reply as it comes.
            say: Told what the user should read.
        """
        self._provider, self._spec, self._limits = provider, spec, limits
        self._on_reply = on_reply
        self._kept = f"All replies so far are in {journal.path}, and are not paid again. Go on with: {go_on}"
        self._sender = Sender(provider, spec, journal, limits=limits, price=price, say=say)
        self._gate = self._sender.gate
        self._jobs: Sequence[Job] = ()
        self._error: Exception | None = None
        self._halt, self._cut = asyncio.Event(), asyncio.Event()
        self._interrupts = Interrupts(first=self._stop, second=self._cut.set)

    @property
    def state(self) -> str:
        """What goes on, in a few words."""
        words = f"{self._gate.n_in_flight} of {self._gate.pace.limit} in flight"
        return f"{words}, {self._sender.ladder.rate}" if self._sender.ladder.rate else words

    def interrupt(self, number: int) -> None:
        """Start nothing more; a second call also gives up on what is on its way. Callable from a signal handler.

        Args:
            number: The signal's.
        """
        self._interrupts.note(number)

    async def finish(self, jobs: Sequence[Job]) -> None:
        """Bring every job to its reply.

        Args:
            jobs: Begun in this order.

        Raises:
            ProviderFatalError: The account was refused; what was on its way is journalled.
            IncompleteError: The server answers nobody.
            InterruptedRunError: ``interrupt`` was called.
        """
        self._jobs = jobs
        self._interrupts.listen()
        try:
            await self._until_done(asyncio.create_task(self._begin()))
        finally:
            await self._sender.writer.close()
            await self._provider.close()
        if self._error is not None:
            raise self._error
        self._interrupts.check(self._kept)

    async def _begin(self) -> None:
        """Begin jobs; one at a time waits to be let through."""
        async with asyncio.TaskGroup() as group:
            for job in self._jobs:
                if self._halt.is_set():
                    return
                group.create_task(self._work(job))
                await job.begun.wait()

    async def _until_done(self, work: asyncio.Task[None]) -> None:
        halt, cut = asyncio.create_task(self._halt.wait()), asyncio.create_task(self._cut.wait())
        await asyncio.wait([work, halt], return_when=asyncio.FIRST_COMPLETED)
        patience_s = DRAIN_S if self._interrupts else self._limits.timeout_s + DRAIN_S
        await asyncio.wait([work, cut], timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        for task in (work, halt, cut):
            task.cancel()
        await asyncio.wait([work, halt, cut])
        if not work.cancelled():
            work.result()

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._stop()

    def _stop(self) -> None:
        self._halt.set()
        self._gate.close()

    async def _work(self, job: Job) -> None:
        try:
            reply = await self._answer(job)
            self._on_reply(reply)
            self._gate.ended(job.key, error=reply.reason if reply.outcome is Outcome.error else "")
            self._check_server()
        except GateClosedError:
            pass
        except Exception as error:  # a broken disk or listener: the others still bring their replies home
            self._fail(error)
        finally:
            job.begun.set()

    def _check_server(self) -> None:
        """Stop where the server is down and more requests are waiting for it."""
        breaker = self._gate.breaker
        if breaker.is_open and not all(job.begun.is_set() for job in self._jobs):
            self._fail(
                IncompleteError(
                    f"{self._spec} at {self._spec.base_url}: {PATIENCE} requests in a row brought no reply (the last: "
                    f"{breaker.reason}), so no more are sent. See to the server, or to the network. {self._kept}"
                )
            )

    async def _answer(self, job: Job) -> Reply:
        billed = list(job.billed)
        try:
            while not (billed and billed[-1].is_final):
                request = reask(job.request, billed[-1]) if billed else job.request
                billed.append(await self._send(job, request, ask=len(billed) + 1))
        except SendError as error:
            if error.is_fatal:
                self._fail(self._fatal(error.reason))
                raise GateClosedError from None
            waited = f"rate_limited: asked to wait {error.retry_after_s:.7g} s; " if asks_too_long(error) else ""
            return unanswered(job.key, job.request, billed, Outcome.error, waited + error.reason)
        except OverBudgetError as error:
            return unanswered(job.key, job.request, billed, Outcome.skipped_budget, str(error))
        return reply_of(job.key, job.request, billed, from_journal=False)

    async def _send(self, job: Job, request: Request, *, ask: int) -> Attempt:
        """Send until a reply comes or no more patience is due."""
        attempt: Attempt
        async for retry in retrying(max_attempts=self._limits.max_attempts, pause=self._pause):
            with retry:
                attempt = await self._sender.send(job, request, ask=ask)
        return attempt

    async def _pause(self, seconds: float) -> None:
        await pause(seconds, self._halt)
        if self._halt.is_set():
            raise GateClosedError

    def _fatal(self, reason: str) -> ProviderFatalError:
        return ProviderFatalError(
            f"{self._spec}: the provider refuses this account ({reason}). Check {self._spec.kind.upper()}_API_KEY and "
            f"the account's limits. {self._kept}"
        )
