"""What a provider does: send one request once, and say what came back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from autointerp.llm._account import account_of
from autointerp.llm._reply import Outcome, Usage
from autointerp.llm._request import Request
from autointerp.llm._rung import Rung
from autointerp.llm._secret import Secret, key_from_environment
from autointerp.llm._spec import ProviderSpec


@dataclass(frozen=True)
class RawReply:
    """A reply before validation."""

    text: str
    outcome: Outcome
    """``ok`` (text to be validated), ``refused``, ``filtered`` or ``truncated``."""
    reason: str
    usage: Usage | None
    """None: not told, or not believable."""
    request_id: str | None
    http_status: int


class SendError(Exception):
    """No reply came. Its text is ours: class, status and code, never the server's words (they may echo the key)."""

    def __init__(
        self,
        reason: str,
        *,
        is_retryable: bool = False,
        is_fatal: bool = False,
        is_overload: bool = False,
        refuses: str = "",
        http_status: int | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """Args: what the caller may do about it.

        Args:
            reason: For the journal and for people.
            is_retryable: The same request may succeed later.
            is_fatal: No request of this account can succeed.
            is_overload: The server has more to do than it can.
            refuses: ``format``: the server does not know this rung; ``detail``: something smaller, which the provider
                says in another way from now on. Either way: send again at once.
            http_status: When there was an answer at all.
            request_id: The server's name for it.
            retry_after_s: How long the server asks to wait.
        """
        super().__init__(reason)
        self.reason, self.is_retryable, self.is_fatal, self.refuses = reason, is_retryable, is_fatal, refuses
        self.is_overload = is_overload
        self.http_status, self.request_id, self.retry_after_s = http_status, request_id, retry_after_s

    @property
    def is_free(self) -> bool:
        """Whether the server refused the request, so that it can't have been billed."""
        return self.http_status is not None and self.http_status >= 300


class Provider(Protocol):
    """One account at one endpoint; lives as long as one event loop."""

    rungs: tuple[Rung, ...]
    """The ways it has to ask for a schema, best first."""
    secret: Secret

    async def send(self, request: Request, *, rung: Rung) -> RawReply:
        """Send once, without retries.

        Raises:
            SendError: No reply came.
        """

    async def close(self) -> None:
        """Let go of connections."""


def open_provider(spec: ProviderSpec, *, timeout_s: float) -> Provider:
    """Make the provider of a spec; imports its SDK.

    Args:
        spec: Not a replay: that has no provider.
        timeout_s: Longest silence on a connection.

    Raises:
        ProviderFatalError: Its key is missing.
    """
    secret = key_from_environment(f"{spec.kind.upper()}_API_KEY", what=str(spec), optional=spec.is_loopback)
    if spec.kind == "anthropic":
        from autointerp.llm._anthropic import AnthropicProvider

        return AnthropicProvider(spec, secret, timeout_s=timeout_s)
    from autointerp.llm._openai import OpenAIProvider

    return OpenAIProvider(spec, secret, timeout_s=timeout_s, quirks=account_of(spec, secret).quirks[spec.model])
