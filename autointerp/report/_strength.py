"""Recall by strength of activation, as numbers and as a curve to draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autointerp.report._tokens import visible_text

LEFT, STEP, TOP, HEIGHT = 34.0, 20.0, 8.0, 100.0
"""Of the curve, in the units of its view box: first decile, distance of deciles, place of a share of 1, height."""


@dataclass(frozen=True)
class Point:
    """One decile of the curve, in the units of the view box."""

    x: float
    y: float
    y_low: float
    """Of the interval's lower bound, which is further down."""
    y_high: float
    text: str
    """What a reader is told on it."""


@dataclass(frozen=True)
class StrengthView:
    """How one group's labels do by strength of activation."""

    group: str
    points: tuple[Point, ...]
    """From the lowest decile; those without contexts are left out."""
    y_alarms: float | None
    """Of the share of hard negatives that judges took for the feature."""
    below_10pct: Mapping[str, Any]
    """Recall below 10 % of the maximum, as ``summary.json`` has it."""
    random: Mapping[str, Any]
    """Specificity on random places."""
    hard: Mapping[str, Any]
    """Specificity on hard negatives."""
    verified: Mapping[str, Any]
    """Of the features with both verdicts."""
    robust: Mapping[str, Any]
    lost: Mapping[str, Any]
    """Share of the verified that are not robust."""

    @property
    def line(self) -> str:
        """The curve, as SVG writes a polyline."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)

    @property
    def summary(self) -> str:
        """The curve in words, for those who don't see it."""
        return "Recall by decile. " + "; ".join(point.text for point in self.points)


def strength_views(summary: Mapping[str, Any]) -> list[StrengthView]:
    """Every group's, where the run has been scored."""
    return [
        StrengthView(
            group=visible_text(group),
            points=tuple(_point(i, one) for i, one in enumerate(found["deciles"]) if one["rate"] is not None),
            y_alarms=_y(1 - found["specificity"]["hard"]["rate"]) if found["specificity"]["hard"]["n"] else None,
            below_10pct=found["below_10pct_of_max"],
            random=found["specificity"]["random"],
            hard=found["specificity"]["hard"],
            **{name: found["bottom_decile"]["applied"][name] for name in ("verified", "robust", "lost")},
        )
        for group, found in summary.get("groups", {}).items()
        if any(one["n"] for one in found.get("deciles", []))
    ]


def _point(i: int, found: Mapping[str, Any]) -> Point:
    text = f"{found['decile']}: {found['k']} of {found['n']}, {found['low']:.0%} to {found['high']:.0%}"
    return Point(LEFT + STEP * i, _y(found["rate"]), _y(found["low"]), _y(found["high"]), text)


def _y(share: float) -> float:
    return TOP + HEIGHT * (1 - share)
