"""The gate every request goes through: a slot of the account, no pause, and requests and tokens a minute."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from autointerp.llm._account import Account
from autointerp.llm._breaker import Breaker
from autointerp.llm._bucket import Bucket
from autointerp.llm._pace import Pace


class GateClosedError(Exception):
    """Nothing more is let through."""


@dataclass(frozen=True, eq=False)
class _Ticket:
    n_tokens: float
    sent_s: asyncio.Future[float]


class Gate:
    """Of one ``ask()``. What was begun goes before what is new; within each, first come, first served."""

    def __init__(
        self, account: Account, *, max_concurrency: int | None, requests_per_minute: float | None,
        tokens_per_minute: float | None,
    ) -> None:  # fmt: skip
        """Open it.

        Args:
            account: Whose pace and pauses hold.
            max_concurrency: A fixed number of slots instead of the account's pace.
            requests_per_minute: None for no limit.
            tokens_per_minute: Of input and output together; None for no limit.
        """
        self._account = account
        self.pace = account.pace if max_concurrency is None else Pace.fixed(max_concurrency)
        self.breaker = Breaker()
        self._requests = None if requests_per_minute is None else Bucket(requests_per_minute)
        self._tokens = None if tokens_per_minute is None else Bucket(tokens_per_minute)
        self._begun, self._new = deque[_Ticket](), deque[_Ticket]()
        self._timer: asyncio.TimerHandle | None = None
        self.is_closed = False
        self.n_in_flight = 0

    async def enter(self, n_tokens: float, *, is_new: bool) -> float:
        """Wait for a slot and take it; give it back with ``leave``.

        Args:
            n_tokens: A guess at what the request will use.
            is_new: Whether this is the first time that it is sent.

        Returns:
            When it was let through, on the loop's clock.

        Raises:
            GateClosedError: The gate is closed, or was while waiting.
        """
        if self.is_closed:
            raise GateClosedError
        ticket = _Ticket(n_tokens, asyncio.get_running_loop().create_future())
        queue = self._new if is_new else self._begun
        queue.append(ticket)
        self._admit()
        try:
            return await ticket.sent_s
        except asyncio.CancelledError:
            if ticket in queue:
                queue.remove(ticket)
            elif not ticket.sent_s.cancelled() and ticket.sent_s.exception() is None:  # let through at this moment
                self.leave()
            raise

    def leave(self, *, surplus_tokens: float = 0.0) -> None:
        """Give a slot back.

        Args:
            surplus_tokens: By how much the guess was too high.
        """
        self.n_in_flight -= 1
        if self._tokens is not None and surplus_tokens:
            self._tokens.take(-surplus_tokens)
        self._admit()

    def close(self) -> None:
        """Turn everybody who waits away, and everybody who comes."""
        self.is_closed = True
        for ticket in (*self._begun, *self._new):
            if not ticket.sent_s.done():
                ticket.sent_s.set_exception(GateClosedError())
        self._begun.clear()
        self._new.clear()
        if self._timer is not None:
            self._timer.cancel()

    def replied(self, sent_s: float, *, is_evidence: bool) -> None:
        """Note a reply.

        Args:
            sent_s: From ``enter``.
            is_evidence: Whether it came at the first try and in good time, so that a higher pace may work too.
        """
        self.breaker.replied()
        if is_evidence:
            self.pace.succeeded(sent_s=sent_s)

    def failed(self, key: str, sent_s: float, *, is_overload: bool, pause_s: float = 0.0) -> None:
        """Note that no reply came.

        Args:
            key: The request's.
            sent_s: From ``enter``.
            is_overload: The server had too much, so the pace slows down.
            pause_s: How long nobody of this account may send.
        """
        self.breaker.failed(key)
        now_s = clock_s()
        if is_overload:
            self.pace.overloaded(sent_s=sent_s, now_s=now_s, wait_s=pause_s)
        self._account.paused_until_s = max(self._account.paused_until_s, now_s + pause_s)

    def ended(self, key: str, *, error: str = "") -> None:
        """Note that a request will not be sent again; see ``Breaker.ended``."""
        self.breaker.ended(key, error)
        self._admit()

    def _admit(self) -> None:
        """Let through whoever may go now, and come back when the next one may."""
        while self.n_in_flight < self.pace.limit and (queue := self._next_queue()):
            ticket, now_s = queue[0], clock_s()
            if (wait_s := self._wait_s(ticket, now_s)) > 0:
                self._come_back_in(wait_s)
                return
            queue.popleft()
            if ticket.sent_s.done():  # cancelled while it waited
                continue
            for bucket, amount in ((self._requests, 1.0), (self._tokens, ticket.n_tokens)):
                if bucket is not None:
                    bucket.take(amount)
            self.n_in_flight += 1
            self.pace.sent(self.n_in_flight, now_s=now_s)
            ticket.sent_s.set_result(now_s)

    def _next_queue(self) -> deque[_Ticket] | None:
        if self._begun:
            return self._begun
        return self._new if self._new and not self.breaker.holds else None

    def _wait_s(self, ticket: _Ticket, now_s: float) -> float:
        waits = [self._account.paused_until_s - now_s]
        for bucket, amount in ((self._requests, 1.0), (self._tokens, ticket.n_tokens)):
            if bucket is not None:
                waits.append(bucket.wait_s(amount, now_s=now_s))
        return max(waits)

    def _come_back_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._admit)


def clock_s() -> float:
    """Seconds on the running loop's clock, which only goes forward."""
    return asyncio.get_running_loop().time()
