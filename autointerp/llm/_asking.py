"""How a provider is asked, kept together: the same for labels and for scores."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from autointerp.errors import UsageError
from autointerp.llm._ask import NO_FILES, NO_LIMITS, ask
from autointerp.llm._budget import Limits
from autointerp.llm._estimate import Estimate, estimate
from autointerp.llm._handoff import Handoff
from autointerp.llm._reply import Reply
from autointerp.llm._request import Request
from autointerp.llm._spec import HANDOFF, parse_provider
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
    handoff: Handoff = NO_FILES
    """Files of requests and replies, for ``jsonl``."""
    forget_batches: bool = False
    """Ask again although a batch that was begun earlier may still answer."""
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
        self.check(llm)
        return ask(
            requests,
            provider=parse_provider(llm, base_url=self.base_url),
            journal=journal,
            limits=self.limits,
            cache=self.cache,
            prices=self.prices,
            leave=self.leave,
            progress=progress,
            handoff=self.handoff,
            forget_batches=self.forget_batches,
            go_on=self._go_on(llm),
        )

    def recall(self, llm: str, requests: Sequence[Request], *, journal: Path) -> list[Reply]:
        """What the journal has of all requests; nothing is sent, and what it lacks comes back as an ``error``.

        Args:
            llm: A provider line.
            requests: Any number.
            journal: Where answers are kept.
        """
        provider = replace(parse_provider(llm, base_url=self.base_url), way="replay")
        return ask(requests, provider=provider, journal=journal)

    def estimate(self, llm: str, requests: Sequence[Request], *, journal: Path | None) -> Estimate:
        """What that would cost; see ``autointerp.llm.estimate``.

        Args:
            llm: A provider line.
            requests: Any number.
            journal: Where answers are kept.
        """
        provider = parse_provider(llm, base_url=self.base_url)
        return estimate(requests, provider, journal=journal, cache=self.cache, prices=self.prices)

    def check(self, llm: str, *, is_new: bool = False) -> None:
        """Refuse a provider line that can't be read, files of a hand-off for others, and a hand-off without files.

        Args:
            llm: A provider line, or ``rules``.
            is_new: Whether nothing can be answered yet, so that a hand-off needs a file.

        Raises:
            UsageError: It can't be read, or they do not go together.
        """
        if llm != "rules":
            parse_provider(llm, base_url=self.base_url)
        if self.handoff.is_given and llm.partition(":")[0] != HANDOFF:
            raise UsageError(f"--llm {llm}: --requests-out and --replies-in go with --llm {HANDOFF}.")
        if is_new and not self.handoff.is_given and llm.partition(":")[0] == HANDOFF:
            raise UsageError(f"--llm {llm}: name a file for the requests with --requests-out FILE.")

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
            "--cache": self.cache,
            "--prices": self.prices,
        }
        options = [str(word) for option, value in given.items() if value is not None for word in (option, value)]
        return shlex.join([*self.command, *options])


BY_DEFAULT = Asking()
