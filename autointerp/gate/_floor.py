"""What a run's own rate must reach, whatever the baseline's was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autointerp.errors import UsageError
from autointerp.gate._answers import Answers, answers
from autointerp.gate._baseline import Rate
from autointerp.gate._result import percent
from autointerp.gate._snapshot import snapshot
from autointerp.run import RunDirectory
from autointerp.stats import wilson

MIN_COVERAGE = 0.95
"""Share of a group that needs an answer before there is a verdict."""


@dataclass(frozen=True)
class Floor:
    """A lowest rate, held against the one that was found."""

    found: Answers
    min_rate: float
    """As a share; 0 is always reached."""
    confidence: float = 0.95
    """Of the one-sided bound."""

    @property
    def is_missed(self) -> bool:
        """Whether the rate is below, and so is its upper bound (Wilson's)."""
        n = len(self.found.given)
        return n > 0 and wilson(self.found.n_yes, n, 2 * self.confidence - 1).high < self.min_rate

    @property
    def is_answered(self) -> bool:
        """Whether enough features have an answer for a verdict."""
        return bool(self.found.given) and self.found.coverage >= MIN_COVERAGE

    def warnings(self) -> Iterator[str]:
        """A sentence where the rate is below, but may be so by chance."""
        n = len(self.found.given)
        if self.found.n_yes < self.min_rate * n and not self.is_missed:
            yield f"{self.describe()}, but chance explains it. Label more features to know."

    def describe(self) -> str:
        """``The rate, 45.0 % (90 of 200), is below 60.0 %``, or at least that."""
        n, k = len(self.found.given), self.found.n_yes
        if not n:
            return "The rate is unknown: no feature has an answer"
        relation = "below" if k < self.min_rate * n else "at least"
        return f"The rate, {percent(k / n)} ({k} of {n}), is {relation} {percent(self.min_rate)}"


def hold(run: RunDirectory, min_rate: float, *, rate: Rate, group: str | None = None) -> Floor:
    """Hold a run's rate against a number.

    Args:
        run: A labelled run, and for other rates than ``label`` a scored one.
        min_rate: What the rate must reach, as a share.
        rate: ``label``, ``verified`` or ``robust``.
        group: Which features (default: the first ``random:N``).

    Raises:
        UsageError: There are no labels, or no such group.
    """
    side = snapshot(run, None)
    chosen = group or next((name for name in side.groups if name.startswith("random:")), "random:N")
    if chosen not in side.groups:
        raise UsageError(f"{run.path}: no group {chosen}; there are {', '.join(side.groups) or 'none'}.")
    return Floor(answers(side, chosen, rate), min_rate)
