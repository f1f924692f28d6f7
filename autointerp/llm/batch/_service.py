"""What a batch service does: take many requests at once, say how far they are, give results back as a file."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar

from autointerp.llm._http import send_error
from autointerp.llm._provider import RawReply, SendError
from autointerp.llm._request import Request
from autointerp.llm._secret import Secret, key_from_environment
from autointerp.llm._spec import ProviderSpec

T = TypeVar("T")


@dataclass(frozen=True)
class BatchState:
    """A batch as the provider describes it."""

    batch_id: str
    status: str
    """The provider's word."""
    is_over: bool
    """Nothing more will come."""
    is_whole: bool
    """It ended by itself, and did not expire, fail or get cancelled."""
    n_total: int
    n_done: int
    name: str | None
    """What we called it; None where a service keeps no names."""
    results: tuple[str, ...] = ()
    """Where its results are."""
    problem: str = ""
    """Why the whole batch failed."""


class BatchService(Protocol):
    """One account's batches; lives as long as one event loop."""

    secret: Secret
    max_requests: int
    """Most requests of one batch."""
    max_bytes: int
    """Most bytes of one batch, with a margin."""
    fields: tuple[str, ...]
    """What makes an answer in a line of results."""

    def line(self, key: str, request: Request) -> dict[str, Any]:
        """One request as the service wants it, with ``custom_id`` the key."""

    async def submit(self, name: str, lines: Sequence[dict[str, Any]]) -> str:
        """Start a batch, without retries; returns its id.

        Raises:
            SendError: It is refused; or, without a status or with one from 500, it may have been started all the same.
        """

    async def state(self, batch_id: str) -> BatchState:
        """Look at one batch.

        Raises:
            SendError: No answer came.
        """

    async def page(self, *, limit: int, after: str | None) -> list[BatchState]:
        """Some of the account's batches, newest first: those that come after (are older than) one of them.

        Raises:
            SendError: No answer came.
        """

    async def download(self, state: BatchState, path: Path) -> None:
        """Write all results of a batch that is over to a file, a JSON object a line.

        Raises:
            SendError: They did not all come.
            OSError: The disk refuses.
        """

    def read(self, answer: dict[str, Any]) -> RawReply | SendError:
        """The reply in one line of results, or why there is none; what brought no reply is not billed."""

    async def close(self) -> None:
        """Let go of connections."""


def open_service(spec: ProviderSpec, *, timeout_s: float) -> BatchService:
    """Make the batch service of a spec; imports its SDK.

    Args:
        spec: Of kind ``openai`` or ``anthropic``.
        timeout_s: Longest silence on a connection.

    Raises:
        ProviderFatalError: Its key is missing.
    """
    secret = key_from_environment(f"{spec.kind.upper()}_API_KEY", what=str(spec), optional=spec.is_loopback)
    if spec.kind == "anthropic":
        from autointerp.llm.batch._anthropic import AnthropicBatches

        return AnthropicBatches(spec, secret, timeout_s=timeout_s)
    from autointerp.llm.batch._openai import OpenAIBatches

    return OpenAIBatches(spec, secret, timeout_s=timeout_s)


async def answer_of(call: Awaitable[T], sdk: ModuleType, secret: Secret, *, may_pass: bool = False) -> T:
    """Await a call of an SDK, with its errors turned into ours.

    Args:
        call: Of the SDK's client.
        sdk: ``openai`` or ``anthropic``.
        secret: Masked, should the server echo it.
        may_pass: Whether an error without a status may pass: for downloads, where a cut shows in many ways.

    Raises:
        SendError: For everything but a disk that refuses.
    """
    try:
        return await call
    except (SendError, OSError):
        raise
    except Exception as error:
        failure = send_error(error, sdk, secret)
    failure.is_retryable |= may_pass and failure.http_status is None
    raise failure  # out here, so that it does not carry the SDK's error, and the key, along


def id_of(body: dict[str, Any]) -> str:
    """The id in an answer.

    Raises:
        SendError: It has none.
    """
    value = body.get("id")
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= 200:
        raise SendError("bad_reply: an answer without an id", is_retryable=True)
    return value


def listed(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of a page of a list.

    Raises:
        SendError: It is no page; nothing may be concluded from it.
    """
    data = body.get("data")
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise SendError("bad_reply: an answer that is no list", is_retryable=True)
    return data


def number(value: Any) -> int:
    """A count in a server's answer; 0 where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
