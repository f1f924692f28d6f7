"""From a result in a batch to a row of the journal."""

from __future__ import annotations

from collections.abc import Callable

from autointerp.llm._attempt import Attempt
from autointerp.llm._history import reask
from autointerp.llm._job import Job
from autointerp.llm._lines import Lines
from autointerp.llm._prices import Price
from autointerp.llm._provider import RawReply, SendError
from autointerp.llm._reply import Outcome
from autointerp.llm._request import Request, request_json
from autointerp.llm._rung import Rung
from autointerp.llm._spec import ProviderSpec
from autointerp.llm._validate import validate_reply
from autointerp.llm.batch._book import OpenBatch
from autointerp.llm.batch._service import BatchService, BatchState


def next_request(job: Job) -> Request:
    """What is to be sent for a job: its request, or the re-ask."""
    return reask(job.request, job.billed[-1]) if job.billed else job.request


def attempt_of(
    job: Job,
    batch: OpenBatch,
    state: BatchState,
    lines: Lines,
    *,
    service: BatchService,
    spec: ProviderSpec,
    price: Price | None,
) -> Attempt:
    """How a job of a batch that is over has ended.

    Args:
        job: One that the batch holds.
        batch: As it was submitted.
        state: As it ended.
        lines: Its results.
        service: That reads a result.
        spec: Of the service.
        price: Of the model, if known.
    """
    answer, may_cost = _answer(job.key, state, lines, service.read)
    sent, redact = next_request(job), service.secret.redact
    usage = answer.usage if isinstance(answer, RawReply) else None
    outcome, reason = _judged(answer, sent)
    return Attempt(
        key=job.key,
        tag=redact(job.request.tag),
        provider=spec.kind,
        endpoint=spec.base_url,
        model=spec.model,
        rung=Rung.json_schema,
        ask=batch.asks[job.key],
        request=redact(request_json(sent, spec)),
        reply=redact(answer.text) if isinstance(answer, RawReply) else None,
        outcome=outcome,
        reason=redact(reason),
        usage=usage,
        cost_usd=0.0 if not may_cost else price.cost(usage, is_batch=True) if price and usage else None,
        reserved_usd=batch.reserved_usd[job.key],
        started=batch.started,
        seconds=0.0,
        http_status=answer.http_status,
        request_id=answer.request_id,
    )


def _answer(
    key: str, state: BatchState, lines: Lines, read: Callable[[dict[str, object]], RawReply | SendError]
) -> tuple[RawReply | SendError, bool]:
    """The reply, or why there is none; and whether something may have been paid for it."""
    if key in lines.answers:
        answer = read(lines.answers[key])
        return answer, isinstance(answer, RawReply)
    if key in lines.conflicts:
        return SendError(f"batch {state.batch_id} holds different results for it"), True
    problem = f" ({state.problem})" if state.problem else ""
    return SendError(f"no result in batch {state.batch_id}, which is {state.status}{problem}"), state.is_whole


def _judged(answer: RawReply | SendError, request: Request) -> tuple[Outcome, str]:
    if isinstance(answer, SendError):
        return Outcome.error, answer.reason
    if answer.outcome is not Outcome.ok:
        return answer.outcome, answer.reason
    checked = validate_reply(answer.text, request.reply_model)
    return (Outcome.invalid, checked) if isinstance(checked, str) else (Outcome.ok, "")
