"""From the attempts at one request to its reply, and to the one re-ask it may get."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from autointerp.llm._attempt import Attempt
from autointerp.llm._reply import Outcome, Reply, Usage
from autointerp.llm._request import Message, Request
from autointerp.llm._validate import validate_reply


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
    costs = [attempt.cost_usd for attempt in billed]
    known = [cost for cost in costs if cost is not None]
    return Reply(
        key=key,
        outcome=outcome,
        value=None,
        reason=reason,
        usage=sum((attempt.usage or Usage() for attempt in billed), Usage()),
        cost_usd=sum(known) if len(known) == len(costs) else None,
        seconds=sum(attempt.seconds for attempt in billed),
        from_journal=False,
        tag=request.tag,
    )
