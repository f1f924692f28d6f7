"""Calls to a batch service: each with a deadline, tried again while errors may pass, and ended by Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from autointerp.errors import IncompleteError, ProviderFatalError
from autointerp.llm._budget import Limits
from autointerp.llm._provider import SendError
from autointerp.llm._retry import retrying
from autointerp.llm._signals import Interrupts, pause
from autointerp.llm._spec import ProviderSpec

T = TypeVar("T")

TRANSFER_S = 1800.0
"""Longest time for one upload or download."""


class Calls:
    """Of one run; knows which batches are on their way, so that every way of ending can say so."""

    def __init__(self, spec: ProviderSpec, limits: Limits, *, go_on: str) -> None:
        """Get ready.

        Args:
            spec: For messages.
            limits: Time and attempts.
            go_on: The command that goes on, for messages.
        """
        self._spec, self._limits, self._go_on = spec, limits, go_on
        self.under_way: dict[str, int] = {}
        """How many requests each batch has for us, by the provider's id."""
        self._halt = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None
        self._interrupts = Interrupts(first=self._halt.set, second=self._cancel)

    def interrupt(self, number: int) -> None:
        """End at the next wait; a second call ends at once. Callable from a signal handler.

        Args:
            number: The signal's.
        """
        self._interrupts.note(number)

    async def run(self, work: Awaitable[None]) -> None:
        """Await the whole run.

        Raises:
            InterruptedRunError: ``interrupt`` was called.
        """
        self._task = asyncio.current_task()
        self._interrupts.listen()
        try:
            await work
        except asyncio.CancelledError:
            if not self._interrupts:
                raise
        self.stop_if_interrupted()

    def stop_if_interrupted(self) -> None:
        """End here, after Ctrl-C.

        Raises:
            InterruptedRunError: ``interrupt`` was called.
        """
        self._interrupts.check(self._summary())

    async def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            InterruptedRunError: ``interrupt`` was called.
        """
        await pause(seconds, self._halt)
        self.stop_if_interrupted()

    async def once(self, call: Callable[[], Awaitable[T]], *, deadline_s: float | None = None) -> T:
        """One call.

        Args:
            call: Makes it.
            deadline_s: Longest time, start to end (default: the limits').

        Raises:
            SendError: No answer came.
        """
        seconds = deadline_s or self._limits.timeout_s
        try:
            async with asyncio.timeout(seconds):
                return await call()
        except TimeoutError:
            raise SendError(f"deadline: no reply within {seconds:g} s", is_retryable=True) from None

    async def patiently(self, call: Callable[[], Awaitable[T]], *, deadline_s: float | None = None) -> T:
        """One call that does no harm when it is repeated, until it succeeds or no more patience is due.

        Args:
            call: Makes it.
            deadline_s: Of each attempt.

        Raises:
            ProviderFatalError: The account is refused.
            IncompleteError: The service does not answer; the batches go on.
        """
        answer: T
        try:
            async for attempt in retrying(max_attempts=self._limits.max_attempts, pause=self.pause):
                with attempt:
                    answer = await self.once(call, deadline_s=deadline_s)
        except SendError as error:
            failure = self.failure(error)
        else:
            return answer
        raise failure

    def failure(self, error: SendError) -> Exception:
        """The end of the run that an error means."""
        if error.is_fatal:
            variable = f"{self._spec.kind.upper()}_API_KEY"
            return ProviderFatalError(
                f"{self._spec}: the provider refuses this account ({error.reason}). Check {variable} and the account's "
                f"limits. {self._summary()}"
            )
        unknown = "If the provider has forgotten a batch, --forget-batches asks again. "
        return IncompleteError(
            f"{self._spec}: the batch service does not answer ({error.reason}). "
            f"{unknown if error.http_status == 404 else ''}{self._summary()}"
        )

    def undecided(self, why: str) -> IncompleteError:
        """The end of the run where a batch may have been submitted, and nobody can say."""
        return IncompleteError(
            f"{self._spec}: the last run ended while it submitted a batch, and {why}, so submitting it again might pay "
            f"for it twice. {self._summary()} If the provider's own pages show no such batch, or you would rather pay "
            "twice, add --forget-batches."
        )

    def _summary(self) -> str:
        there = [f"{batch_id} ({n} requests)" for batch_id, n in self.under_way.items()]
        goes_on = f"Batches that go on at the provider: {', '.join(there)}. " if there else ""
        return f"{goes_on}Nothing is lost; go on with: {self._go_on}"

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
