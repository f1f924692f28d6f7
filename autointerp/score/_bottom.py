"""The bottom-10 % check: are weak activations told from silence, too?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autointerp.score._trial import Trial
from autointerp.stats import fisher_greater

MIN_D0 = 5
"""Lowest-decile contexts below which nothing can be told."""
LEVEL = 0.05


@dataclass(frozen=True)
class BottomCheck:
    """Both definitions of "bottom 10 %": the lowest decile, and activations below 10 % of the maximum."""

    d0_hits: int
    d0_n: int
    below10_hits: int
    below10_n: int
    p_value: float | None
    """One-sided Fisher test of hits in the lowest decile against false alarms among hard negatives."""
    below10_p_value: float | None
    """The same for activations below 10 % of the maximum."""

    @property
    def verdict(self) -> str:
        """``pass``, ``fail``, or ``untestable`` with fewer than 5 lowest-decile contexts."""
        if self.d0_n < MIN_D0 or self.p_value is None:
            return "untestable"
        return "pass" if self.p_value < LEVEL else "fail"


def check_bottom(trial: Trial, fires: Sequence[bool]) -> BottomCheck:
    """Count a judge's hits among weak activations, and hold them against hard negatives.

    Weak activations are to be told from places that look alike; a trial without such places is held against all
    negatives.

    Args:
        trial: The held-out contexts.
        fires: The judge's answers, context by context.
    """
    silent = trial.members("negative_hard") or [i for i, is_active in enumerate(trial.truth) if not is_active]
    n_alarms = sum(fires[i] for i in silent)
    found = []
    for stratum in ("d0", "below_10pct_of_max"):
        members = trial.members(stratum)
        hits, n = sum(fires[i] for i in members), len(members)
        found.append((hits, n, fisher_greater(hits, n, n_alarms, len(silent)) if n else None))
    (d0_hits, d0_n, p), (below_hits, below_n, below_p) = found
    return BottomCheck(d0_hits, d0_n, below_hits, below_n, p, below_p)
