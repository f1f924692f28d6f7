"""A judge who knows where a meaning holds and answers every scorer's question without a mistake."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import BaseModel

from autointerp.harvest import Context
from autointerp.score import SCORERS, Answer, DetectReply, Question
from autointerp.score.scorers import (
    A_REQUEST,
    STRONGEST,
    FuzzReply,
    IntruderReply,
    Round,
    SimulateReply,
    marked_texts,
    rounds,
    simulated,
)
from benchmarks.ground_truth._text import Mask

Holds = Callable[[Context], Mask]
"""Whether a meaning holds at each token of a context."""


def oracle_answer(question: Question, holds: Holds) -> Answer | None:
    """What a scorer makes of the oracle's replies; None where the feature has too few contexts for it."""
    scorer = SCORERS[question.scorer]
    return scorer.read(question, oracle_replies(question, holds)) if scorer.is_testable(question) else None


def oracle_replies(question: Question, holds: Holds) -> list[BaseModel]:
    """The replies to a testable question's requests, one each.

    Args:
        question: Of any scorer.
        holds: What the oracle takes the feature to mean.
    """
    if question.scorer == "detection":
        contexts = question.trial.contexts
        return [DetectReply(active=[number for number, one in enumerate(contexts, 1) if holds(one).any()])]
    if question.scorer == "fuzzing":
        texts = enumerate(marked_texts(question), 1)
        return [FuzzReply(right=[number for number, one in texts if holds(one.context)[list(one.marks)].all()])]
    if question.scorer == "intruder":
        return [IntruderReply(reasoning="", intruder=1 + _stranger(one, holds)) for one in rounds(question)]
    return _strengths(question, holds)


def _stranger(one: Round, holds: Holds) -> int:
    """Index of the first text in which the meaning holds at the fewest marked tokens."""
    shares = [
        float(holds(context)[sorted(marks)].mean()) for context, marks in zip(one.contexts, one.marks, strict=True)
    ]
    return shares.index(min(shares))


def _strengths(question: Question, holds: Holds) -> list[BaseModel]:
    """The feature's mean strength wherever the meaning holds, and 0 elsewhere."""
    values = [value for context in question.explain for value in context.activations if value > 0]
    usual = round(STRONGEST * sum(values) / len(values) / max(values)) if values else 0
    lines = [_line([usual if here else 0 for here in holds(context)]) for context in simulated(question)]
    return [SimulateReply(activations=lines[at : at + A_REQUEST]) for at in range(0, len(lines), A_REQUEST)]


def _line(strengths: Sequence[int]) -> str:
    return " ".join(f"{number}:{strength}" for number, strength in enumerate(strengths, 1))
