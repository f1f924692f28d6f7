"""One request on the wire, and how it ended: a row of the journal."""

from __future__ import annotations

from dataclasses import dataclass

from autointerp.llm._reply import Outcome, Usage


@dataclass(frozen=True)
class Attempt:
    """Its fields are the journal's columns."""

    key: str
    """Content hash of the request it belongs to."""
    tag: str
    provider: str
    endpoint: str
    model: str
    rung: str
    """How the schema was asked for: ``json_schema``, ``json_object`` or ``prompt``."""
    ask: int
    """1: the request itself. 2: the one re-ask after a truncated or invalid reply."""
    request: str
    """What was sent, as canonical JSON (a re-ask differs from the request that the key is of)."""
    reply: str | None
    """The reply's text; None when none came."""
    outcome: Outcome
    reason: str
    usage: Usage | None
    """None: not told, or not believable."""
    cost_usd: float | None
    """0 where the server refused the request, None where price or usage are unknown."""
    reserved_usd: float | None
    """The worst case that was set aside for it; counts against the budget where the cost is unknown."""
    started: str
    """UTC, ISO 8601."""
    seconds: float
    http_status: int | None
    request_id: str | None

    @property
    def is_final(self) -> bool:
        """Whether the request it belongs to is answered for good."""
        return self.outcome.is_billed and (self.ask > 1 or self.outcome not in (Outcome.truncated, Outcome.invalid))
