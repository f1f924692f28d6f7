"""A request on its way to its reply."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from autointerp.llm._attempt import Attempt
from autointerp.llm._request import Request


@dataclass
class Job:
    """A request that has no final reply yet."""

    key: str
    request: Request
    billed: tuple[Attempt, ...] = ()
    """What earlier runs paid for: nothing, or a first ask whose re-ask is still to come."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is sent for the first time in this run, or ends without that."""
    n_failed: int = 0
    """Sends in this run that brought no reply."""
