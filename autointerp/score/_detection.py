"""Detection: in which contexts does the feature fire, judged from its label alone?

One batched request a feature (Paulo et al. 2024 ask in small batches; the score is the same kind).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from autointerp.label import RULES, Excerpt, Rule, as_data, fit_lines, rule_fires, shorten
from autointerp.llm import Asking, Message, Outcome, Reply, Request
from autointerp.run import Tick
from autointerp.score._trial import Trial
from prompts import load_prompt

MAX_CHARACTERS = 3_900
"""Of all messages of a detection request over the default contexts."""
DESCRIPTION_WIDTH = 480
"""Most characters of a description as JSON: whatever an LLM may call a feature, 80 characters, is shown whole."""


class DetectReply(BaseModel):
    """A judge's answer for one feature."""

    model_config = ConfigDict(extra="forbid")

    active: list[int]
    """Numbers, from 1, of the contexts in which the feature fires; empty for none."""


@dataclass(frozen=True)
class Question:
    """One label held against one feature's contexts."""

    trial: Trial
    label: str
    rule: str | None = None
    """The label as a rule, for the rules judge."""
    tag: str = "score"
    """``score``, or ``null`` where the label is another feature's."""
    sample: int = 0
    """Which of several answers to the same question."""


@dataclass(frozen=True)
class Answer:
    """What a judge said, or why there is no answer."""

    outcome: str
    fires: tuple[bool, ...] | None = None
    """Context by context; only with ``ok``."""
    reason: str = ""
    cost_usd: float | None = 0.0
    tokens_in: int = 0
    tokens_out: int = 0


def judge(
    questions: Sequence[Question],
    *,
    llm: str,
    asking: Asking,
    journal: Path,
    progress: Tick | None,
) -> list[Answer]:
    """Answer all questions.

    Args:
        questions: Any number.
        llm: ``rules`` (then every question has a rule) or a provider line.
        asking: How the provider is reached, and within which limits.
        journal: Where answers are kept.
        progress: Told answers done of all.

    Returns:
        One answer a question, in order.

    Raises:
        UsageError: The provider line is wrong.
        ProviderFatalError: The provider refuses the account.
    """
    if llm == RULES:
        return _by_rules(questions, progress)
    requests = [detection_request(question) for question in questions]
    replies = asking.ask(llm, requests, journal=journal, progress=progress)
    return [_answer(question, reply) for question, reply in zip(questions, replies, strict=True)]


def detection_request(question: Question) -> Request:
    """The request for one question: text only, no marks, no strata; long texts are cut around their peaks."""
    prompt = load_prompt("detect")
    label = as_data(shorten(question.label, DESCRIPTION_WIDTH))

    def line(i: int, cut: Excerpt) -> str:
        return f"{i + 1}: {as_data(cut.text)}"

    room = MAX_CHARACTERS - len(prompt.system) - len(prompt.user(label=label, contexts=""))
    user = prompt.user(label=label, contexts="\n".join(fit_lines(question.trial.contexts, line, room)))
    messages = (Message("system", prompt.system), Message("user", user))
    return Request(messages, DetectReply, sample=question.sample, tag=f"{question.tag} {question.trial.feature}")


def _by_rules(questions: Sequence[Question], progress: Tick | None) -> list[Answer]:
    report: Callable[..., None] = progress or (lambda *_: None)
    answers = []
    for question in questions:
        fires = rule_fires(Rule.from_json(question.rule or ""), question.trial.contexts)
        answers.append(Answer("ok", tuple(fires)))
        report(len(answers), len(questions))
    return answers


def _answer(question: Question, reply: Reply) -> Answer:
    usage = reply.cost_usd, reply.usage.tokens_in, reply.usage.tokens_out
    if not isinstance(reply.value, DetectReply):
        return Answer(str(reply.outcome), None, reply.reason, *usage)
    n, active = len(question.trial.contexts), set(reply.value.active)
    beyond = sorted(number for number in active if not 1 <= number <= n)
    if beyond:
        return Answer(str(Outcome.invalid), None, f"names context {beyond[0]}, there are {n}", *usage)
    return Answer(str(Outcome.ok), tuple(number in active for number in range(1, n + 1)), "", *usage)
