"""What the judge said about each held-out context: by the rule again, or from the journal."""

from __future__ import annotations

from collections.abc import Sequence

from autointerp.harvest import Context
from autointerp.label import MONOSEMANTIC, RULES, LabelRow
from autointerp.llm import Journal, parse_provider, request_key, validate_reply
from autointerp.run import LLMInput
from autointerp.score import SCORERS, DetectReply, Question, detection_request, make_trial, questions
from autointerp.view._opened import Opened

Place = tuple[int, int]
"""Window and position."""


def judged(opened: Opened, feature: int, contexts: Sequence[Context]) -> dict[Place, bool] | str:
    """Whether the judge sees the feature in its held-out contexts.

    Args:
        opened: The run.
        feature: Its id.
        contexts: All of its contexts.

    Returns:
        By place of the context; or why there is no verdict, in words.

    Raises:
        UsageError: The journal is damaged.
    """
    label, judge = opened.labels.get(feature), opened.manifest.judge
    if label is None or label.outcome != "ok":
        return "there is no label to judge"
    if judge is None or feature not in opened.scores:
        return "not scored yet"
    question = _question(feature, label, contexts, seed=opened.manifest.seed)
    if question is None:
        is_named = label.verdict == MONOSEMANTIC
        return "too few held-out contexts" if is_named else "a polysemantic label names nothing to look for"
    fires = _by_rule(question) if judge.provider == RULES else _from_journal(opened, judge, question)
    if fires is None:
        outcome = opened.scores[feature].outcome
        return "the judge's answer is not in the journal" if outcome == "ok" else f"the judge gave no answer: {outcome}"
    places = [(context.window, context.position) for context in question.trial.contexts]
    return dict(zip(places, fires, strict=True))


def _question(feature: int, label: LabelRow, contexts: Sequence[Context], *, seed: int) -> Question | None:
    trial = make_trial(feature, contexts, seed=seed)
    own, _, _ = questions({feature: label}, {feature: trial}, seed=seed)
    return own.get(feature)


def _by_rule(question: Question) -> tuple[bool, ...] | None:
    return SCORERS["detection"].by_rules(question).fires


def _from_journal(opened: Opened, judge: LLMInput, question: Question) -> tuple[bool, ...] | None:
    if not opened.run.journal.exists():
        return None
    key = request_key(detection_request(question), parse_provider(judge.provider, base_url=judge.base_url))
    with Journal(opened.run.journal, read_only=True) as journal:
        billed = journal.billed(key)
    value = validate_reply(billed[-1].reply or "", DetectReply) if billed else None
    return SCORERS["detection"].read(question, [value]).fires if isinstance(value, DetectReply) else None
