"""Detection: in which contexts does the feature fire, judged from its label alone?

One batched request a feature (Paulo et al. 2024 ask in small batches; the score is the same kind).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from autointerp.label import Excerpt, Rule, as_data, fit_lines, rule_fires
from autointerp.llm import Message, Outcome, Request
from autointerp.score._question import Answer, Measure, Question
from autointerp.score.scorers._shown import described
from prompts import load_prompt

MAX_CHARACTERS = 3_900
"""Of all messages of a detection request over the default contexts."""


class DetectReply(BaseModel):
    """A judge's answer for one feature."""

    model_config = ConfigDict(extra="forbid")

    active: list[int]
    """Numbers, from 1, of the contexts in which the feature fires; empty for none."""


@dataclass(frozen=True)
class Detection:
    """The scorer that ``verified`` rests on. Its columns have names of their own, and so it has no measures."""

    name: str = "detection"
    prompt: str = "detect"
    needs_label: bool = True
    needs: str = "one that the feature fires in and one that it is silent in"

    def is_testable(self, question: Question) -> bool:
        """Whether there is something to find and something to leave alone."""
        return question.trial.has_both

    def requests(self, question: Question) -> list[Request]:
        """One, over all contexts."""
        return [detection_request(question)]

    def read(self, question: Question, values: Sequence[BaseModel]) -> Answer:
        """The judge's list as one answer a context."""
        (value,) = values
        assert isinstance(value, DetectReply)
        n, active = len(question.trial.contexts), set(value.active)
        beyond = sorted(number for number in active if not 1 <= number <= n)
        if beyond:
            return Answer(str(Outcome.invalid), reason=f"names context {beyond[0]}, there are {n}")
        return Answer(str(Outcome.ok), tuple(number in active for number in range(1, n + 1)))

    def by_rules(self, question: Question) -> Answer:
        """Whether the rule holds at any token of a context."""
        return Answer(str(Outcome.ok), tuple(rule_fires(Rule.from_json(question.rule or ""), question.trial.contexts)))

    def floors(self, question: Question) -> Mapping[str, Measure]:
        """None here: those of detection stand in every row, also of features that nobody was asked about."""
        del question
        return {}


def detection_request(question: Question) -> Request:
    """The request for one question: text only, no marks, no strata; long texts are cut around their peaks."""
    prompt = load_prompt("detect")
    label = described(question.label)

    def line(i: int, cut: Excerpt) -> str:
        return f"{i + 1}: {as_data(cut.text)}"

    room = MAX_CHARACTERS - len(prompt.system) - len(prompt.user(label=label, contexts=""))
    user = prompt.user(label=label, contexts="\n".join(fit_lines(question.trial.contexts, line, room)))
    messages = (Message("system", prompt.system), Message("user", user))
    return Request(messages, DetectReply, sample=question.sample, tag=f"{question.tag} {question.trial.feature}")
