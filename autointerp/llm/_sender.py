"""One attempt: reserved, let through, sent, judged, journalled, booked; in this order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from autointerp.llm._account import account_of
from autointerp.llm._attempt import Attempt
from autointerp.llm._budget import Budget, Limits, expected_tokens
from autointerp.llm._gate import Gate, GateClosedError, clock_s
from autointerp.llm._job import Job
from autointerp.llm._journal import Journal
from autointerp.llm._ladder import Ladder
from autointerp.llm._prices import Price
from autointerp.llm._provider import Provider, RawReply, SendError
from autointerp.llm._reply import Outcome
from autointerp.llm._request import Request, request_json
from autointerp.llm._retry import asks_too_long
from autointerp.llm._rung import Rung
from autointerp.llm._spec import ProviderSpec
from autointerp.llm._validate import validate_reply
from autointerp.llm._writer import Writer

PROMPT_SHARE = 0.25
"""A reply that took more than this share of its deadline is no sign that the server would take more at once."""


class OverBudgetError(Exception):
    """The next send does not fit."""


@dataclass(frozen=True)
class _Place:
    """Leave to send once."""

    worst_usd: float | None
    """Set aside for it."""
    n_tokens: float
    """A guess."""
    sent_s: float
    """When it was given, on the loop's clock."""


class Sender:
    """Sends for one ``ask()``. A request is in flight, and holds its slot, until its end is on disk."""

    def __init__(
        self,
        provider: Provider,
        spec: ProviderSpec,
        journal: Journal,
        *,
        limits: Limits,
        price: Price | None,
        say: Callable[[str], None],
    ) -> None:
        """Get ready; args as in ``Run``."""
        account = account_of(spec, provider.secret)
        spent_usd, n_spent = journal.spent()
        self._provider, self._spec, self._price, self._say = provider, spec, price, say
        self._timeout_s = limits.timeout_s
        self._budget = Budget(limits, price, spent_usd=spent_usd, n_spent=n_spent)
        self.ladder = account.ladders.setdefault(spec.model, Ladder(provider.rungs))
        self.gate = Gate(
            account,
            max_concurrency=limits.max_concurrency,
            requests_per_minute=limits.requests_per_minute,
            tokens_per_minute=limits.tokens_per_minute,
        )
        self.writer = Writer(journal)

    async def send(self, job: Job, request: Request, *, ask: int) -> Attempt:
        """Send once; where the server refuses how something is asked for, ask in the next way at once.

        Args:
            job: Whose request.
            request: Its own, or its re-ask.
            ask: 1, or 2 for the re-ask.

        Raises:
            SendError: No reply came; its row is in the journal.
            OverBudgetError: It was not sent.
            GateClosedError: It was not sent, and nothing will be.
        """
        while True:
            place = await self._take_place(job, request)
            rung = self.ladder.rung
            try:
                return await self._attempt(job, request, place, ask=ask, rung=rung)
            except SendError as error:
                if error.refuses == "detail":
                    continue
                note = self.ladder.refused(rung) if error.refuses == "format" else None
                if note is None:
                    raise
                self._note(note)

    async def _take_place(self, job: Job, request: Request) -> _Place:
        """A slot first, then the money: what is set aside is always on its way, or about to be."""
        worst_usd, n_tokens = self._budget.worst_case(request), expected_tokens(request)
        if refusal := self._budget.refusal(worst_usd):
            raise OverBudgetError(refusal)
        sent_s = await self.gate.enter(n_tokens, is_new=not job.begun.is_set())
        job.begun.set()
        if refusal := await self._budget.reserve(worst_usd):
            self.gate.leave(surplus_tokens=n_tokens)
            raise OverBudgetError(refusal)
        if self.gate.is_closed:  # while it waited for money
            self.gate.leave()
            await self._budget.settle(worst_usd, 0.0, is_free=True)
            raise GateClosedError
        return _Place(worst_usd, n_tokens, sent_s)

    async def _attempt(self, job: Job, request: Request, place: _Place, *, ask: int, rung: Rung) -> Attempt:
        surplus = 0.0
        try:
            started, started_s = datetime.now(UTC), clock_s()
            answer = await self._send_once(request, rung)
            seconds = round(clock_s() - started_s, 6)
            self._learn(job, answer, sent_s=place.sent_s, seconds=seconds)
            surplus = _surplus(place.n_tokens, answer)
            outcome, reason, note = self._judge(answer, request, rung)
            usage = answer.usage if isinstance(answer, RawReply) else None
            is_free = isinstance(answer, SendError) and answer.is_free
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
                cost_usd=0.0 if is_free else self._price.cost(usage) if self._price and usage else None,
                reserved_usd=place.worst_usd,
                started=started.isoformat(timespec="milliseconds"),
                seconds=seconds,
                http_status=answer.http_status,
                request_id=answer.request_id,
            )
            await self.writer.record(attempt)
            self._note(note)
            if isinstance(answer, SendError) and answer.is_fatal:
                self.gate.close()
        except Exception:  # a broken disk or listener: nothing more may be sent
            self.gate.close()
            raise
        finally:
            self.gate.leave(surplus_tokens=surplus)
        await self._budget.settle(place.worst_usd, attempt.cost_usd, is_free=is_free)
        if isinstance(answer, SendError):
            raise answer
        return attempt

    async def _send_once(self, request: Request, rung: Rung) -> RawReply | SendError:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._provider.send(request, rung=rung)
        except TimeoutError:
            reason = f"deadline: no reply within {self._timeout_s:g} s"
            return SendError(reason, is_retryable=True, is_overload=True)
        except SendError as error:
            return error

    def _learn(self, job: Job, answer: RawReply | SendError, *, sent_s: float, seconds: float) -> None:
        """Tell the gate how it went."""
        if isinstance(answer, RawReply):
            is_prompt = seconds <= PROMPT_SHARE * self._timeout_s
            self.gate.replied(sent_s, is_evidence=is_prompt and not job.n_failed)
            return
        job.n_failed += 1
        pause_s = 0.0 if asks_too_long(answer) or not answer.is_overload else answer.retry_after_s or 0.0
        self.gate.failed(job.key, sent_s, is_overload=answer.is_overload, pause_s=pause_s)

    def _judge(self, answer: RawReply | SendError, request: Request, rung: Rung) -> tuple[Outcome, str, str]:
        """Outcome, reason, and a note for the user."""
        if isinstance(answer, SendError):
            return Outcome.error, answer.reason, ""
        if answer.outcome is not Outcome.ok:
            return answer.outcome, answer.reason, ""
        checked = validate_reply(answer.text, request.reply_model)
        if isinstance(checked, str):
            return Outcome.invalid, checked, self.ladder.judged(rung, is_valid=False)
        return Outcome.ok, "", self.ladder.judged(rung, is_valid=True)

    def _note(self, sentence: str) -> None:
        if sentence:
            self._say(f"{self._spec}: {sentence}")


def _surplus(n_tokens: float, answer: RawReply | SendError) -> float:
    """By how much a guess at tokens was too high; 0 where nobody knows."""
    if isinstance(answer, SendError):
        return n_tokens if answer.is_free else 0.0
    return n_tokens - answer.usage.tokens_in - answer.usage.tokens_out if answer.usage else 0.0
