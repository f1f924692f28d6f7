"""The rates of ``summary.json``, each beside its null."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autointerp.report._tokens import visible_text


@dataclass(frozen=True)
class RateView:
    """One rate of one group, as ``summary.json`` has it."""

    group: str
    name: str
    k: int
    n: int
    rate: float | None
    low: float
    high: float
    worst_low: float
    worst_high: float
    shuffled: float | None
    """The same rate with labels exchanged between features; None where it has no such null."""


@dataclass(frozen=True)
class DetectionView:
    """How well a group's labels are found again in held-out text, beside what no label and a wrong label reach."""

    group: str
    mean: float | None
    """Balanced accuracy over features."""
    low: float | None
    high: float | None
    shuffled: float | None
    """Its mean with labels exchanged between features."""
    floor: float | None
    """What ``verified`` has to exceed."""
    bottom_rate: float | None
    """Share of testable features that pass the bottom-10 % check."""
    bottom_low: float | None
    bottom_high: float | None


def rate_views(summary: Mapping[str, Any]) -> list[RateView]:
    """Every rate of every group."""
    names = ("k", "n", "rate", "low", "high", "worst_low", "worst_high")
    return [
        RateView(
            group=visible_text(group),
            name=name,
            **{column: numbers[column] for column in names},
            shuffled=_null(summary, group).get(name, {}).get("rate"),
        )
        for group, found in summary.get("groups", {}).items()
        for name, numbers in found["rates"].items()
    ]


def detection_views(summary: Mapping[str, Any]) -> list[DetectionView]:
    """Every group's detection scores."""
    return [
        DetectionView(
            group=visible_text(group),
            mean=found["detection"]["mean"],
            low=found["detection"]["low"],
            high=found["detection"]["high"],
            shuffled=_null(summary, group).get("detection", {}).get("mean"),
            floor=found["detection"]["floor"],
            bottom_rate=found["bottom_decile"]["pass_rate"],
            bottom_low=found["bottom_decile"]["low"],
            bottom_high=found["bottom_decile"]["high"],
        )
        for group, found in summary.get("groups", {}).items()
    ]


def _null(summary: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = summary.get("nulls", {}).get("shuffled", {}).get("groups", {}).get(group, {})
    return found
