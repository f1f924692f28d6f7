"""What a judge is asked about one feature, and what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autointerp.harvest import Context
from autointerp.score._trial import Trial

Measure = float | int | list[int] | None
UNTESTABLE = "untestable"
"""Outcome where a feature has too few contexts for a scorer."""
NOT_AVAILABLE = "not_available"
"""Outcome where this kind of judge can't do what a scorer asks."""


@dataclass(frozen=True)
class Question:
    """One label held against one feature's contexts, in one scorer's way."""

    trial: Trial
    label: str = ""
    """Empty for a scorer that needs none."""
    rule: str | None = None
    """The label as a rule, for the rules judge."""
    tag: str = "score"
    """For people reading the journal; ``null`` where the label is another feature's."""
    sample: int = 0
    """Which of several answers to the same question."""
    scorer: str = "detection"
    """Name of the scorer."""
    explain: tuple[Context, ...] = ()
    """The feature's contexts of the explain split: never shown with a label, but floors and scales are fitted there."""
    seed: int = 0
    """Of the run; with the feature it decides every choice of a scorer."""


@dataclass(frozen=True)
class Answer:
    """What a judge said, or why there is no answer."""

    outcome: str
    """An ``llm.Outcome``, ``untestable`` or ``not_available``."""
    fires: tuple[bool, ...] | None = None
    """Context by context; only of detection, and with ``ok``."""
    reason: str = ""
    cost_usd: float | None = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    measures: Mapping[str, Measure] = field(default_factory=dict)
    """What the other scorers measured, by name; only with ``ok``."""
