"""Every scorer's mean beside what can be had without understanding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autointerp.report._tokens import visible_text

_MEASURES = {
    "fuzzing": {"ba": "balanced accuracy"},
    "intruder": {"accuracy": "accuracy"},
    "simulation": {"pearson": "correlation", "r2": "R²"},
}


@dataclass(frozen=True)
class ScorerView:
    """One measure of one scorer in one group."""

    group: str
    scorer: str
    measure: str
    mean: float | None
    low: float | None
    high: float | None
    n: int
    """Features with an answer."""
    chance: float
    """What one answer for all, or guessing, reaches."""
    token: float | None
    """What the features' usual tokens reach; None where that is not measured."""
    position: float | None
    """The same of the place in the window."""


def scorer_views(summary: Mapping[str, Any]) -> list[ScorerView]:
    """Every measure of every scorer of every group."""
    return [
        view for group, found in summary.get("groups", {}).items() if "floors" in found for view in _views(group, found)
    ]


def _views(group: str, found: Mapping[str, Any]) -> Iterator[ScorerView]:
    name, floors, detection = visible_text(group), found["floors"], found["detection"]
    yield ScorerView(
        name,
        "detection",
        "balanced accuracy",
        detection["mean"],
        detection["low"],
        detection["high"],
        detection["n"],
        floors["none"],
        floors["token_identity"]["mean"],
        floors["position"]["mean"],
    )
    for scorer, numbers in found["scorers"].items():
        for measure, words in _MEASURES[scorer].items():
            reached = numbers[measure]
            token = numbers["token"]["mean"] if measure != "r2" else None
            yield ScorerView(
                name,
                scorer,
                words,
                reached["mean"],
                reached["low"],
                reached["high"],
                reached["n"],
                numbers["chance"],
                token,
                None,
            )
