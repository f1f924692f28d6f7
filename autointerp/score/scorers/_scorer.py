"""What every scorer can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from pydantic import BaseModel

from autointerp.llm import Request
from autointerp.score._question import Answer, Measure, Question


class Scorer(Protocol):
    """One way to test a feature, or its label, on held-out text.

    Every choice it makes (which contexts, which marks, which order) comes from the run's seed and the feature alone, so
    the same question is the same request. Measures become columns of the scores, with the scorer's name in front.
    """

    @property
    def name(self) -> str:
        """As in ``--scorers`` and in the columns."""

    @property
    def prompt(self) -> str:
        """Name of its prompt file."""

    @property
    def needs_label(self) -> bool:
        """Whether features without a label can't be asked about."""

    @property
    def needs(self) -> str:
        """What makes a feature testable, in words."""

    def is_testable(self, question: Question) -> bool:
        """Whether the feature has enough contexts."""

    def requests(self, question: Question) -> list[Request]:
        """What an LLM is asked; at least one request for a testable feature."""

    def read(self, question: Question, values: Sequence[BaseModel]) -> Answer:
        """What an LLM said.

        Args:
            question: Testable.
            values: Its valid replies, one a request.

        Returns:
            Outcome ``ok``, or ``invalid`` where the replies don't fit the question; without costs.
        """

    def by_rules(self, question: Question) -> Answer:
        """What the rules judge says to a testable question whose label is a rule."""

    def floors(self, question: Question) -> Mapping[str, Measure]:
        """Measures of a testable question that need no judge: what can be had without understanding."""
