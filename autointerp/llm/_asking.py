"""How a provider is asked, kept together: the same for labels and for scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

    def ask(self, llm: str, requests: Sequence[Request], *, journal: Path, progress: Tick | None) -> list[Reply]:
        """Answer all requests; see ``autointerp.llm.ask``.

        Args:
            llm: A provider line.
            requests: Any number.
            journal: Where answers are kept.
            progress: Told replies done of all.
        """
        provider = parse_provider(llm, base_url=self.base_url)
        return ask(requests, provider=provider, journal=journal, limits=self.limits, progress=progress)


BY_DEFAULT = Asking()
