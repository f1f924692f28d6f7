"""What can be computed from a label and a feature's held-out contexts. A new scorer is a new row of ``SCORERS``."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autointerp import stats
from autointerp.harvest import Context
from autointerp.score import (
    BottomCheck,
    Confusion,
    Question,
    Trial,
    check_bottom,
    position_floor,
    token_identity_floor,
)
from benchmarks.ground_truth._oracle import oracle_answer
from benchmarks.ground_truth._text import Mask


@dataclass(frozen=True, eq=False)
class Case:
    """One label held against one feature, by a judge who applies the label without a mistake.

    Shapes: b windows, t positions.
    """

    trial: Trial
    """The feature's held-out contexts, as every judge gets them."""
    contexts: tuple[Context, ...]
    """All of the feature's."""
    seed: int
    """Of the run."""
    means: Mask
    """Where the feature's true meaning holds, [b, t]; nowhere for noise."""
    says: Mask
    """Where the label says that the feature fires, [b, t]."""
    activation: NDArray[np.float32]
    """Where it fires, [b, t]."""
    counted: Mask
    """Held-out tokens, [b, t]."""

    @cached_property
    def fires(self) -> tuple[bool, ...]:
        """The judge's answers, context by context."""
        return tuple(bool(_on(self.says, context).any()) for context in self.trial.contexts)

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

    def measured(self, scorer: str, measure: str) -> float | None:
        """What one of the package's scorers measures.

        An oracle answers by the label, or by the true meaning where no label is asked for.
        """
        explain = tuple(one for one in self.contexts if one.split == "explain")
        question = Question(self.trial, scorer=scorer, explain=explain, seed=self.seed)
        mask = self.means if scorer == "intruder" else self.says
        answer = oracle_answer(question, lambda context: _on(mask, context))
        value = answer.measures[measure] if answer else None
        return float(value) if isinstance(value, float | int) else None


def _on(mask: Mask, context: Context) -> Mask:
    """What a mask of all windows says of each token of a context."""
    first = context.position - context.peak
    return mask[context.window, first : first + len(context.tokens)]


class Scorer(NamedTuple):
    """One way to score a label, or a feature without one."""

    name: str
    score: Callable[[Case], float | None]
    """Higher is better; None where it can't be computed."""
    needs_label: bool = True


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


METRICS: dict[str, Callable[[Confusion], float | None]] = {
    "balanced accuracy": lambda table: table.balanced_accuracy,
    "accuracy": lambda table: _share(table.tp + table.tn, sum(table)),
    "recall": lambda table: _share(table.tp, table.tp + table.fn),
    "precision": lambda table: _share(table.tp, table.tp + table.fp),
    "F1": lambda table: stats.f1(*table),
    "IoU": lambda table: _share(table.tp, table.tp + table.fn + table.fp),
    "MCC": lambda table: stats.mcc(*table),
}
"""Numbers from a confusion table."""


def _evidence(p_value: float | None) -> float | None:
    return None if p_value is None else -math.log10(max(p_value, 1e-300))


def _correlation(case: Case, *, centred: bool) -> float:
    """Pearson's, or the cosine, over all held-out tokens; 0 where a side is constant (for Pearson) or silent."""
    says, activation = case.says[case.counted].astype(float), case.activation[case.counted].astype(float)
    if centred:
        says, activation = says - says.mean(), activation - activation.mean()
    scale = float(np.linalg.norm(says) * np.linalg.norm(activation))
    return float(says @ activation) / scale if scale > 0 else 0.0


SCORERS = (
    *(Scorer(f"detection: {name}", lambda case, of=of: of(case.confusion)) for name, of in METRICS.items()),  # type: ignore[misc]
    Scorer("detection: its lower bound", lambda case: case.confusion.interval.low),
    Scorer("bottom 10 %: hits", lambda case: _share(case.bottom.d0_hits, case.bottom.d0_n)),
    Scorer("bottom 10 %: evidence", lambda case: _evidence(case.bottom.p_value)),
    Scorer("fuzzing: balanced accuracy", lambda case: case.measured("fuzzing", "ba")),
    Scorer("simulation: Pearson", lambda case: case.measured("simulation", "pearson")),
    Scorer("simulation: R2", lambda case: case.measured("simulation", "r2")),
    *(Scorer(f"all tokens: {name}", lambda case, of=of: of(case.all_tokens)) for name, of in METRICS.items()),  # type: ignore[misc]
    Scorer("all tokens: Pearson", partial(_correlation, centred=True)),
    Scorer("all tokens: cosine", partial(_correlation, centred=False)),
    Scorer("intruder: accuracy", lambda case: case.measured("intruder", "accuracy"), needs_label=False),
    Scorer("token identity", lambda case: token_identity_floor(case.trial, case.contexts), needs_label=False),
    Scorer("position", lambda case: position_floor(case.trial, case.contexts), needs_label=False),
)
"""Ways to score: those on contexts see what judges see, those on all tokens what a judge could never read."""
