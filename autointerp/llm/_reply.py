"""What came back for a request: an outcome, always, and a value when there is one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel


class Outcome(StrEnum):
    """How a request, or one attempt at it, ended. A missing answer is never an answer."""

    ok = "ok"
    """A reply that fits the model."""
    refused = "refused"
    """The model declined."""
    filtered = "filtered"
    """A content filter removed the reply."""
    truncated = "truncated"
    """The reply ran into its token limit."""
    invalid = "invalid"
    """A reply came, but it does not fit the model."""
    error = "error"
    """No reply came: network, server, rate limit, or a request the server rejects."""
    skipped_budget = "skipped_budget"
    """Not sent (or not sent again): the budget would not have held."""

    @property
    def is_billed(self) -> bool:
        """Whether a reply came, and was paid for."""
        return self not in (Outcome.error, Outcome.skipped_budget)


@dataclass(frozen=True)
class Usage:
    """Tokens, as the provider counts them."""

    tokens_in: int = 0
    """All input tokens, cached ones included."""
    tokens_out: int = 0
    tokens_cached: int = 0
    """Part of ``tokens_in`` that was read from the provider's prompt cache."""
    tokens_cache_written: int = 0
    """Part of ``tokens_in`` that was written to the provider's prompt cache."""
    tokens_reasoning: int = 0
    """Part of ``tokens_out`` that was thinking, where the provider counts it."""

    @property
    def n_tokens(self) -> int:
        """Input and output."""
        return self.tokens_in + self.tokens_out

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.tokens_cached + other.tokens_cached,
            self.tokens_cache_written + other.tokens_cache_written,
            self.tokens_reasoning + other.tokens_reasoning,
        )


@dataclass(frozen=True)
class Reply:
    """The end of one request."""

    key: str
    """The request's content hash."""
    outcome: Outcome
    value: BaseModel | None
    """The validated reply; only with ``ok``."""
    reason: str
    """Why there is no value; empty with ``ok``."""
    usage: Usage
    """Over all attempts that brought a reply: also of earlier runs, before a retry, and by way of a shared cache."""
    cost_usd: float | None
    """Of the same attempts to this journal's runs (an answer from a shared cache costs them nothing); None where a
    price or a token count is unknown."""
    seconds: float
    """Time spent sending and waiting for these attempts."""
    from_journal: bool
    """Whether nothing had to be sent in this call."""
    tag: str
    """The request's own."""
