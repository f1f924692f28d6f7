"""What can be computed from a label and a feature's held-out contexts. A new scorer is a new row of ``SCORERS``."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autointerp import stats
from autointerp.harvest import Context
from autointerp.score import BottomCheck, Confusion, Trial, check_bottom
from benchmarks.ground_truth._text import Mask


@dataclass(frozen=True, eq=False)
class Case:
    """One label held against one feature, by a judge who applies the label without a mistake.

    Shapes: b windows, t positions.
    """

    trial: Trial
    """The feature's held-out contexts, as every judge gets them."""
    says: Mask
    """Where the label says that the feature fires, [b, t]."""
    activation: NDArray[np.float32]
    """Where it fires, [b, t]."""
    counted: Mask
    """Held-out tokens, [b, t]."""

    @cached_property
    def fires(self) -> tuple[bool, ...]:
        """The judge's answers, context by context."""
        return tuple(bool(self.marks(context).any()) for context in self.trial.contexts)

    def marks(self, context: Context) -> Mask:
        """What the label says of each token of a context."""
        first = context.position - context.peak
        return self.says[context.window, first : first + len(context.tokens)]

    @cached_property
    def confusion(self) -> Confusion:
        """Of the contexts that detection counts."""
        return Confusion.of(self.trial, self.fires)

    @cached_property
    def bottom(self) -> BottomCheck:
        """The bottom-10 % check."""
        return check_bottom(self.trial, self.fires)

    @cached_property
    def all_tokens(self) -> Confusion:
        """Of all held-out tokens."""
        says, is_on = self.says[self.counted], self.activation[self.counted] > 0
        tp, n_says, n_on = int((says & is_on).sum()), int(says.sum()), int(is_on.sum())
        return Confusion(tp, n_on - tp, len(says) - n_on - n_says + tp, n_says - tp)


class Scorer(NamedTuple):
    """One way to score a label."""

    name: str
    score: Callable[[Case], float | None]
    """Higher is better; None where it can't be computed."""


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _accuracy(table: Confusion) -> float | None:
    return _share(table.tp + table.tn, sum(table))


def _iou(table: Confusion) -> float | None:
    return _share(table.tp, table.tp + table.fn + table.fp)


def _evidence(p_value: float | None) -> float | None:
    return None if p_value is None else -math.log10(max(p_value, 1e-300))


def _pearson(says: NDArray[np.float64], activation: NDArray[np.float64]) -> float | None:
    if not says.any() or says.all() or activation.std() == 0:
        return 0.0
    return float(np.corrcoef(says, activation)[0, 1])


def _pearson_shown(case: Case) -> float | None:
    says = [case.marks(context).astype(float) for context in case.trial.contexts]
    activation = [np.asarray(context.activations, float) for context in case.trial.contexts]
    return _pearson(np.concatenate(says), np.concatenate(activation))


SCORERS = (
    Scorer("detection: balanced accuracy", lambda case: case.confusion.balanced_accuracy),
    Scorer("detection: its lower bound", lambda case: case.confusion.interval.low),
    Scorer("detection: accuracy", lambda case: _accuracy(case.confusion)),
    Scorer("detection: recall", lambda case: _share(case.confusion.tp, case.confusion.tp + case.confusion.fn)),
    Scorer("detection: precision", lambda case: _share(case.confusion.tp, case.confusion.tp + case.confusion.fp)),
    Scorer("detection: F1", lambda case: stats.f1(*case.confusion)),
    Scorer("detection: IoU", lambda case: _iou(case.confusion)),
    Scorer("detection: MCC", lambda case: stats.mcc(*case.confusion)),
    Scorer("bottom 10 %: hits", lambda case: _share(case.bottom.d0_hits, case.bottom.d0_n)),
    Scorer("bottom 10 %: evidence", lambda case: _evidence(case.bottom.p_value)),
    Scorer("tokens shown: Pearson", _pearson_shown),
    Scorer("all tokens: balanced accuracy", lambda case: case.all_tokens.balanced_accuracy),
    Scorer("all tokens: F1", lambda case: stats.f1(*case.all_tokens)),
    Scorer(
        "all tokens: Pearson",
        lambda case: _pearson(case.says[case.counted].astype(float), case.activation[case.counted].astype(float)),
    ),
)
"""Ways to score; the ones on contexts see what judges see, the ones on all tokens what a judge could never read."""
