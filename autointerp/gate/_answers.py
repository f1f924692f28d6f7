"""The answers of one side's group to one rate's question."""

from __future__ import annotations

from dataclasses import dataclass

from autointerp.gate._baseline import Baseline, Rate


@dataclass(frozen=True)
class Answers:
    """Who said yes, who said no, and who said nothing."""

    given: dict[int, bool]
    """Feature -> yes or no, in the group's order."""
    untestable: int
    """Features scored, but without enough weak activations to ask (rate ``robust``)."""
    missing: int
    """Features without an answer."""

    @property
    def coverage(self) -> float:
        """Answered share of what could be answered; 0 when nothing could."""
        askable = len(self.given) + self.missing
        return len(self.given) / askable if askable else 0.0

    @property
    def n_yes(self) -> int:
        """Features with the answer yes."""
        return sum(self.given.values())


def answers(side: Baseline, group: str, rate: Rate) -> Answers:
    """Collect a group's answers.

    Args:
        side: A baseline, or a run as one.
        group: One of its groups.
        rate: The question.
    """
    features = {i: side.features[i] for i in side.groups[group].features}
    given = {i: answer for i, feature in features.items() if (answer := feature.answer(rate)) is not None}
    untestable = sum(feature.untestable(rate) for feature in features.values())
    return Answers(given, untestable, len(features) - len(given) - untestable)
