"""From a judge's answers to a feature's row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from autointerp import stats
from autointerp.harvest import DECILES
from autointerp.label import POLYSEMANTIC, LabelRow
from autointerp.score._bottom import MIN_D0, check_bottom
from autointerp.score._confusion import Confusion
from autointerp.score._question import Answer
from autointerp.score._row import ScoreRow
from autointerp.score._trial import Trial

NO_LABEL = "no_label"
"""Outcome of a scorer that needs a label, where there is none."""


@dataclass(frozen=True)
class Judged:
    """Everything that is known about one feature once the judges are done."""

    trial: Trial
    label: LabelRow
    token_floor: float | None
    """Balanced accuracy of token identity."""
    answer: Answer | None
    """To the feature's own label; None where nothing was asked."""
    donor: int | None
    null: Answer | None
    """To the label of ``donor``."""
    position_floor: float | None = None
    """Balanced accuracy of the place in the window alone."""
    further: Mapping[str, Answer | None] = field(default_factory=dict)
    """Scorer that was asked for besides detection -> its answer; None where it needs a label and there is none."""

    @property
    def null_accuracy(self) -> float | None:
        """Balanced accuracy of the donor's label."""
        if self.null is None or self.null.fires is None:
            return None
        return Confusion.of(self.trial, self.null.fires).balanced_accuracy


def score_row(judged: Judged, *, floor: float) -> ScoreRow:
    """One feature's row.

    Args:
        judged: What is known about it.
        floor: Balanced accuracy that the lower bound has to exceed.
    """
    row = _with_null(_with_answer(_blank(judged), judged, floor), judged, floor)
    row = _with_further(row, judged)
    asked = [answer for answer in (judged.answer, judged.null, *judged.further.values()) if answer is not None]
    costs = [answer.cost_usd for answer in asked]
    return replace(
        row,
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        tokens_in=sum(answer.tokens_in for answer in asked),
        tokens_out=sum(answer.tokens_out for answer in asked),
    )


def _blank(judged: Judged) -> ScoreRow:
    """The row of a feature that was not asked about: a failure, or POLYSEMANTIC."""
    trial, label = judged.trial, judged.label
    row = ScoreRow(
        judged.trial.feature,
        label.outcome,
        scored=False,
        floor_token_identity=judged.token_floor,
        floor_position=judged.position_floor,
        d0_n=len(trial.members("d0")),
        below10_n=len(trial.members("below_10pct_of_max")),
    )
    if label.outcome != "ok":
        return replace(row, reason=f"no label: {label.reason}")
    if label.verdict == POLYSEMANTIC:
        return replace(row, verified=False, beyond_token=False, robust=False if row.d0_n >= MIN_D0 else None)
    counts = f"fires in {trial.truth.count(True)}, silent in {trial.truth.count(False)}"
    return replace(row, outcome="error", reason=f"too few held-out contexts: {counts}")


def _with_answer(row: ScoreRow, judged: Judged, floor: float) -> ScoreRow:
    answer, trial = judged.answer, judged.trial
    if answer is None:
        return row
    if answer.fires is None:
        return replace(row, outcome=answer.outcome, reason=answer.reason)
    deciles = [trial.members(name) for name in DECILES]
    random, hard = trial.members("negative_random"), trial.members("negative_hard")
    table, bottom = Confusion.of(trial, answer.fires), check_bottom(trial, answer.fires)
    interval = table.interval
    verified = interval.low > floor
    return replace(
        row,
        outcome=answer.outcome,
        scored=True,
        reason="",
        tp=table.tp,
        fn=table.fn,
        tn=table.tn,
        fp=table.fp,
        balanced_accuracy=table.balanced_accuracy,
        ba_low=interval.low,
        ba_high=interval.high,
        mcc=stats.mcc(*table),
        f1=stats.f1(*table),
        d0_hits=bottom.d0_hits,
        below10_hits=bottom.below10_hits,
        bottom_p_value=bottom.p_value,
        below10_p_value=bottom.below10_p_value,
        bottom_verdict=bottom.verdict,
        decile_hits=[_count(answer.fires, members) for members in deciles],
        decile_n=[len(members) for members in deciles],
        random_alarms=_count(answer.fires, random),
        random_n=len(random),
        hard_alarms=_count(answer.fires, hard),
        hard_n=len(hard),
        verified=verified,
        robust=None if bottom.verdict == "untestable" else verified and bottom.verdict == "pass",
        beyond_token=interval.low > judged.token_floor if judged.token_floor is not None else None,
    )


def _with_null(row: ScoreRow, judged: Judged, floor: float) -> ScoreRow:
    null = judged.null
    if null is None:
        return row
    row = replace(row, shuffled_from=judged.donor, shuffled_outcome=null.outcome)
    if null.fires is None:
        return row
    table = Confusion.of(judged.trial, null.fires)
    low = table.interval.low
    return replace(row, shuffled_ba=table.balanced_accuracy, shuffled_low=low, shuffled_verified=low > floor)


def _with_further(row: ScoreRow, judged: Judged) -> ScoreRow:
    columns: dict[str, object] = {}
    for name, answer in judged.further.items():
        columns[f"{name}_outcome"] = NO_LABEL if answer is None else answer.outcome
        if answer is not None:
            columns |= {f"{name}_{measure}": value for measure, value in answer.measures.items()}
    return replace(row, **columns)  # type: ignore[arg-type]


def _count(fires: Sequence[bool], members: Sequence[int]) -> int:
    return sum(fires[i] for i in members)
