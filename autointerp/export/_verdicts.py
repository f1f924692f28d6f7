"""What a run says about each selected feature, in one word and one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from autointerp.export._rows import LabelRecord, label_records, rows_by_feature
from autointerp.run import RunDirectory


class State(StrEnum):
    """How a feature came out."""

    PASSED = "passed"
    """It has a label, and held-out text bears it out where the run is scored."""
    FAILED = "failed"
    """Polysemantic, or the label does not predict held-out text."""
    ERROR = "error"
    """A question about it ended without an answer."""
    SKIPPED = "skipped"
    """It was not asked about yet."""


@dataclass(frozen=True)
class FeatureVerdict:
    """One selected feature in one group."""

    record: LabelRecord
    state: State
    why: str
    """A sentence without the label."""


def feature_verdicts(run: RunDirectory) -> list[FeatureVerdict]:
    """Every selected feature of every group, in the order of ``labels.csv``.

    Raises:
        UsageError: The run has no labels.
    """
    records = label_records(run)
    wanted = {record.feature for record in records}
    scores = rows_by_feature(run.scores, None, wanted) if run.scores.exists() else {}
    return [FeatureVerdict(record, *_judge(record, scores.get(record.feature))) for record in records]


def rate_text(rate: Mapping[str, Any]) -> str:
    """``23 of 25, 92.0 % [75.0 %, 97.8 %]``: a rate of ``summary.json`` with its 95 % interval."""
    if rate["rate"] is None:
        return f"{rate['k']} of {rate['n']}"
    share = f"{rate['rate']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}]".replace("%", " %")
    return f"{rate['k']} of {rate['n']}, {share}"


def _judge(record: LabelRecord, score: Mapping[str, Any] | None) -> tuple[State, str]:
    if not record.outcome:
        return State.SKIPPED, "not asked yet"
    if record.outcome != "ok":
        return State.ERROR, f"no label: {record.outcome}"
    if record.verdict == "POLYSEMANTIC":
        return State.FAILED, "polysemantic"
    if score is None:
        return State.PASSED, "labelled, not scored"
    if score["outcome"] != "ok":
        return State.ERROR, f"no score: {score['outcome']}"
    accuracy = ""
    if score["balanced_accuracy"] is not None:
        accuracy = (
            f"balanced accuracy {score['balanced_accuracy']:.3f} [{score['ba_low']:.3f}, {score['ba_high']:.3f}] on "
            "held-out text"
        )
    if score["verified"]:
        return State.PASSED, f"verified: {accuracy}"
    return State.FAILED, f"not verified: {accuracy or 'not enough held-out text'}"
