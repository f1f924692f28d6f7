"""How a provider is asked, kept together: the same for labels and for scores."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autointerp.llm._ask import NO_LIMITS, ask
from autointerp.llm._budget import Limits
from autointerp.llm._reply import Reply
from autointerp.llm._request import Request
from autointerp.llm._spec import parse_provider
from autointerp.run import Tick


@dataclass(frozen=True)
class Asking:
    """Everything about asking but the questions and who answers."""

    base_url: str | None = None
    """Another server for the provider."""
    limits: Limits = NO_LIMITS
    """Money, requests, concurrency, time."""
    command: tuple[str, ...] = field(default=(), compare=False)
    """The command that goes on with this, without provider and limits; for messages."""

    def ask(self, llm: str, requests: Sequence[Request], *, journal: Path, progress: Tick | None) -> list[Reply]:
        """Answer all requests; see ``autointerp.llm.ask``.

        Args:
            llm: A provider line.
            requests: Any number.
            journal: Where answers are kept.
            progress: Told replies done of all.
        """
        provider = parse_provider(llm, base_url=self.base_url)
        go_on = self._go_on(llm)
        return ask(requests, provider=provider, journal=journal, limits=self.limits, progress=progress, go_on=go_on)

    def _go_on(self, llm: str) -> str:
        if not self.command:
            return "the same command"
        given = {
            "--llm": llm,
            "--base-url": self.base_url,
            "--max-cost": self.limits.max_cost_usd,
            "--max-requests": self.limits.max_requests,
            "--max-connections": self.limits.max_concurrency,
            "--rpm": self.limits.requests_per_minute,
            "--tpm": self.limits.tokens_per_minute,
        }
        options = [str(word) for option, value in given.items() if value is not None for word in (option, value)]
        return shlex.join([*self.command, *options])


BY_DEFAULT = Asking()
