"""What an LLM judge said of a run's own labels, context by context, read again from the run's journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from autointerp.harvest import load_contexts
from autointerp.label import MONOSEMANTIC, RULES, LabelRow
from autointerp.llm import Asking
from autointerp.run import RunDirectory
from autointerp.score import Question, Trial, judge, make_trial


class Judged(NamedTuple):
    """A judge's answers about one feature."""

    trial: Trial
    fires: tuple[bool, ...]
    """Context by context."""


def judged_contexts(run: RunDirectory, labels: Mapping[int, LabelRow], *, seed: int) -> dict[int, Judged]:
    """The answers about labels in words; nothing is asked anew.

    Args:
        run: Labelled; scored or not.
        labels: By feature.
        seed: Of the run.

    Returns:
        By feature, where there is an answer; labels that are rules need no judge.
    """
    by = run.read_manifest().judge
    if by is None or by.provider == RULES or not run.is_done("scores"):
        return {}
    contexts = load_contexts(run)
    asked = {}
    for feature, label in labels.items():
        trial = make_trial(feature, contexts.get(feature, []), seed=seed)
        if label.verdict == MONOSEMANTIC and label.rule is None and trial.has_both:
            asked[feature] = Question(trial, label.label)
    asks_nobody = by.provider.startswith(("jsonl", "replay:"))
    llm = by.provider if asks_nobody else f"replay:{by.provider}"
    asking = Asking(base_url=by.base_url)
    answers = judge(list(asked.values()), llm=llm, asking=asking, journal=run.journal, progress=None)
    return {
        feature: Judged(question.trial, answer.fires)
        for (feature, question), answer in zip(asked.items(), answers, strict=True)
        if answer.fires is not None
    }
