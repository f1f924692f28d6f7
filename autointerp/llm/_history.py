"""From the attempts at one request to its reply, and to the one re-ask it may get."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autointerp.llm._attempt import Attempt
from autointerp.llm._reply import Outcome, Reply, Usage
from autointerp.llm._request import Message, Request
from autointerp.llm._validate import validate_reply


@dataclass(frozen=True)
class History:
    """What a journal has of one request, in the order of writing."""

    attempts: tuple[Attempt, ...]
    """Since it was last reopened, or ever; also those that brought no reply."""
    superseded: tuple[Attempt, ...]
    """Those before that brought a reply: they answer no more, and still count as money."""

    @property
    def billed(self) -> tuple[Attempt, ...]:
        """The attempts that brought a reply; the last says how the request ended."""
        return tuple(attempt for attempt in self.attempts if attempt.outcome.is_billed)

    @property
    def is_final(self) -> bool:
        """Whether the request is answered for good."""
        billed = self.billed
        return bool(billed) and billed[-1].is_final

    @property
    def is_awaited(self) -> bool:
        """Whether it was reopened and is not answered yet."""
        return bool(self.superseded) and not self.is_final

    @property
    def outcome(self) -> Outcome | None:
        """Of the last attempt; None where there is none (since it was reopened)."""
        return self.attempts[-1].outcome if self.attempts else None


@dataclass(frozen=True)
class Paid:
    """What some attempts took together."""

    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = 0.0
    """None where one of them is unknown."""
    seconds: float = 0.0

    @classmethod
    def of(cls, attempts: Iterable[Attempt]) -> Paid:
        """The sums."""
        paid = cls()
        for attempt in attempts:
            paid += cls(attempt.usage or Usage(), attempt.cost_usd, attempt.seconds)
        return paid

    def __add__(self, other: Paid) -> Paid:
        """Both together."""
        known = self.cost_usd is not None and other.cost_usd is not None
        cost_usd = (self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None
        return Paid(self.usage + other.usage, cost_usd, self.seconds + other.seconds)


def reask(request: Request, first: Attempt) -> Request:
    """What to send after a first reply that could not be used.

    Args:
        request: The original.
        first: Its truncated attempt (then twice the tokens are allowed) or invalid one (then it is told what is wrong).
    """
    if first.outcome is Outcome.truncated:
        return dataclasses.replace(request, max_output_tokens=2 * request.max_output_tokens)
    words = (
        f"Your last answer could not be used ({first.reason}). "
        "Answer again with one JSON object that fits the schema, and with nothing else."
    )
    return dataclasses.replace(request, messages=(*request.messages, Message("user", words)))


def reply_of(key: str, request: Request, billed: Sequence[Attempt], *, from_journal: bool) -> Reply:
    """The reply that the last attempt gives.

    Args:
        key: The request's.
        request: The original.
        billed: Its attempts that brought a reply, at least one, in order.
        from_journal: Whether none of them was sent just now.
    """
    last = billed[-1]
    outcome, reason, value = last.outcome, last.reason, None
    if outcome is Outcome.ok:
        checked = validate_reply(last.reply or "", request.reply_model)
        if isinstance(checked, str):  # the model's own rules have changed since
            outcome, reason = Outcome.invalid, f"the reply in the journal no longer fits: {checked}"
        else:
            value = checked
    return dataclasses.replace(
        unanswered(key, request, billed, outcome, reason), value=value, from_journal=from_journal
    )


def unanswered(key: str, request: Request, billed: Sequence[Attempt], outcome: Outcome, reason: str) -> Reply:
    """A reply without a value, with what was paid on the way.

    Args:
        key: The request's.
        request: The original.
        billed: Its attempts that brought a reply so far; often none.
        outcome: How it ended.
        reason: Why.
    """
    paid = Paid.of(billed)
    return Reply(
        key=key,
        outcome=outcome,
        value=None,
        reason=reason,
        usage=paid.usage,
        cost_usd=paid.cost_usd,
        seconds=paid.seconds,
        from_journal=False,
        tag=request.tag,
    )


def with_earlier(reply: Reply, earlier: Paid) -> Reply:
    """The reply with what was paid before a retry added to it.

    Args:
        reply: Of the attempts since.
        earlier: For the attempts before.
    """
    total = Paid(reply.usage, reply.cost_usd, reply.seconds) + earlier
    return dataclasses.replace(reply, usage=total.usage, cost_usd=total.cost_usd, seconds=total.seconds)
