"""A judge's answers against what is true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

from autointerp import stats
from autointerp.score._trial import Trial


class Confusion(NamedTuple):
    """Counts of contexts."""

    tp: int
    fn: int
    tn: int
    fp: int

    @classmethod
    def of(cls, trial: Trial, fires: Sequence[bool]) -> Self:
        """Count a judge's answers, given context by context, where detection counts."""
        judged = zip(trial.truth, fires, trial.counted, strict=True)
        pairs = [(truth, fired) for truth, fired, counts in judged if counts]
        return cls(*(pairs.count(kind) for kind in ((True, True), (True, False), (False, False), (False, True))))

    @property
    def balanced_accuracy(self) -> float | None:
        """See ``stats.balanced_accuracy``."""
        return stats.balanced_accuracy(*self)

    @property
    def interval(self) -> stats.Interval:
        """95 % interval of the balanced accuracy."""
        return stats.balanced_accuracy_interval(*self)
