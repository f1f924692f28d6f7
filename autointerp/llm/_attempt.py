"""One request on the wire, and how it ended: a row of the journal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

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
    source: Literal["sent", "cache"] = "sent"
    """``cache``: another run sent it, and its answer came by way of a shared cache; it costs this run nothing."""
    saved_usd: float | None = None
    """With ``cache``: what it cost the run that sent it."""

    @property
    def is_final(self) -> bool:
        """Whether the request it belongs to is answered for good."""
        return self.outcome.is_billed and (self.ask > 1 or self.outcome not in (Outcome.truncated, Outcome.invalid))

    def for_another_run(self) -> Attempt:
        """The row that a run writes which takes this answer from a shared cache."""
        saved_usd = self.cost_usd if self.source == "sent" else self.saved_usd
        return replace(self, source="cache", cost_usd=0.0, reserved_usd=None, saved_usd=saved_usd)
