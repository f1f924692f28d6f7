"""What a run's own rate must reach, whatever the baseline's was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autointerp.gate._result import percent
from autointerp.stats import wilson


@dataclass(frozen=True)
class Floor:
    """A lowest rate, held against a rate that was found."""

    k: int
    """Features with the answer yes."""
    n: int
    """Features with an answer."""
    min_rate: float
    """As a share; 0 is always reached."""
    confidence: float
    """Of the one-sided bound."""

    @property
    def is_missed(self) -> bool:
        """Whether the rate is below, and so is its upper bound (Wilson's)."""
        return self.n > 0 and wilson(self.k, self.n, 2 * self.confidence - 1).high < self.min_rate

    def warnings(self) -> Iterator[str]:
        """A sentence where the rate is below, but may be so by chance."""
        if self.n and self.k < self.min_rate * self.n and not self.is_missed:
            below = f"{percent(self.k / self.n)}, is below {percent(self.min_rate)}"
            yield f"The rate, {below}, but chance explains it. Label more features to know."
