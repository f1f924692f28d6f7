"""How a provider is asked, kept together: the same for labels and for scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autointerp.llm._ask import NO_LIMITS, ask
from autointerp.llm._budget import Limits
from autointerp.llm._estimate import Estimate, estimate
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
    cache: Path | None = None
    """A folder of answers that runs share."""
    prices: Path | None = None
    """A price table of the user's own."""
    leave: frozenset[str] = frozenset()
    """Keys of requests that are not sent: what the journal has of them stands."""

    def ask(self, llm: str, requests: Sequence[Request], *, journal: Path, progress: Tick | None) -> list[Reply]:
        """Answer all requests; see ``autointerp.llm.ask``.

        Args:
            llm: A provider line.
            requests: Any number.
            journal: Where answers are kept.
            progress: Told replies done of all.
        """
        return ask(
            requests,
            provider=parse_provider(llm, base_url=self.base_url),
            journal=journal,
            limits=self.limits,
            cache=self.cache,
            prices=self.prices,
            leave=self.leave,
            progress=progress,
        )

    def estimate(self, llm: str, requests: Sequence[Request], *, journal: Path | None) -> Estimate:
        """What that would cost; see ``autointerp.llm.estimate``.

        Args:
            llm: A provider line.
            requests: Any number.
            journal: Where answers are kept.
        """
        provider = parse_provider(llm, base_url=self.base_url)
        return estimate(requests, provider, journal=journal, cache=self.cache, prices=self.prices)


BY_DEFAULT = Asking()
