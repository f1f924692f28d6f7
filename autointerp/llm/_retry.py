"""When to send the same request again, and how long to wait before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from autointerp.llm._provider import SendError

LONGEST_WAIT_S = 300.0
"""A server that asks for more is taken at its word: the request ends as ``rate_limited``."""

_backoff = wait_random_exponential(multiplier=1.0, min=0.5, max=60.0)


def retrying(*, max_attempts: int, pause: Callable[[float], Awaitable[None]]) -> AsyncRetrying:
    """A fresh policy for one request: only errors that may pass, jittered exponential backoff, at least Retry-After.

    Args:
        max_attempts: Sends in all.
        pause: Waits that many seconds.
    """
    return AsyncRetrying(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_attempt(max_attempts),
        wait=_wait,
        sleep=pause,
        reraise=True,
    )


def asks_too_long(error: SendError) -> bool:
    """Whether the server wants a longer wait than we are ready for."""
    return error.retry_after_s is not None and error.retry_after_s > LONGEST_WAIT_S


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, SendError) and error.is_retryable and not asks_too_long(error)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_s if isinstance(error, SendError) else None
    return max(float(_backoff(state)), asked or 0.0)
