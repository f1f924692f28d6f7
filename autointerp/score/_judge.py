"""Questions of all scorers, answered together: one budget, one order of requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from autointerp.label import RULES
from autointerp.llm import Asking, Outcome, Reply
from autointerp.run import Tick
from autointerp.score._question import UNTESTABLE, Answer, Question
from autointerp.score.scorers import SCORERS


def judge(
    questions: Sequence[Question],
    *,
    llm: str,
    asking: Asking,
    journal: Path,
    progress: Tick | None,
) -> list[Answer]:
    """Answer all questions.

    A question of several requests has an answer when all of them have: one missing reply is a failure of the whole, and
    is never filled in.

    Args:
        questions: Any number, of any scorers.
        llm: ``rules`` (then questions that need a label have a rule) or a provider line.
        asking: How the provider is reached, and within which limits.
        journal: Where answers are kept.
        progress: Told answers done of all.

    Returns:
        One answer a question, in order.

    Raises:
        UsageError: The provider line is wrong.
        ProviderFatalError: The provider refuses the account.
    """
    answers = _by_rules(questions, progress) if llm == RULES else _by_llm(questions, llm, asking, journal, progress)
    return [_with_floors(one, answer) for one, answer in zip(questions, answers, strict=True)]


def _by_llm(
    questions: Sequence[Question], llm: str, asking: Asking, journal: Path, progress: Tick | None
) -> list[Answer]:
    asked = [SCORERS[one.scorer].requests(one) if _is_testable(one) else [] for one in questions]
    requests = [request for some in asked for request in some]
    replies = iter(asking.ask(llm, requests, journal=journal, progress=progress))
    return [_answer(one, [next(replies) for _ in some]) for one, some in zip(questions, asked, strict=True)]


def _is_testable(question: Question) -> bool:
    return SCORERS[question.scorer].is_testable(question)


def _with_floors(question: Question, answer: Answer) -> Answer:
    """Floors stand beside every testable question, whatever the judge said."""
    if not _is_testable(question):
        return answer
    return replace(answer, measures={**SCORERS[question.scorer].floors(question), **answer.measures})


def _untestable(question: Question) -> Answer:
    return Answer(UNTESTABLE, reason=f"too few held-out contexts: needs {SCORERS[question.scorer].needs}")


def _by_rules(questions: Sequence[Question], progress: Tick | None) -> list[Answer]:
    answers = []
    for question in questions:
        answers.append(SCORERS[question.scorer].by_rules(question) if _is_testable(question) else _untestable(question))
        if progress:
            progress(len(answers), len(questions))
    return answers


def _answer(question: Question, replies: Sequence[Reply]) -> Answer:
    if not replies:
        return _untestable(question)
    costs = [reply.cost_usd for reply in replies]
    values: list[BaseModel] = [reply.value for reply in replies if reply.value is not None]
    if len(values) < len(replies):
        failed = [reply for reply in replies if reply.value is None]
        # what was not sent yet comes first: it says that there is more to come
        worst = min(failed, key=lambda reply: reply.outcome != Outcome.skipped_budget)
        answer = Answer(str(worst.outcome), reason=worst.reason)
    else:
        answer = SCORERS[question.scorer].read(question, values)
    return replace(
        answer,
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        tokens_in=sum(reply.usage.tokens_in for reply in replies),
        tokens_out=sum(reply.usage.tokens_out for reply in replies),
    )
