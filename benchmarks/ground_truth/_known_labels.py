"""Labels that are known to be right, and wrong, put before any judge: can it tell them apart?

The wrong ones are those that words can say: another feature's, one of two meanings, a meaning too many. Features of
pure noise are asked about under another's label.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autointerp import stats
from autointerp.harvest import Context, load_contexts
from autointerp.llm import Asking
from autointerp.run import RunDirectory
from autointerp.score import SCORERS, Answer, Confusion, Question, judge, make_trial
from benchmarks.ground_truth._noise import MODERATE
from benchmarks.ground_truth._ranking import auc, find_donors
from benchmarks.ground_truth._text import Mask
from benchmarks.ground_truth._truth import Planted, Truth
from benchmarks.ground_truth._wrong_labels import HALF, NOISE, ONE_MORE, OTHER

if TYPE_CHECKING:
    from benchmarks.ground_truth._known import Known

FILE = "judged.json"
"""What a judge's answers showed, in the run directory."""
RIGHT = "right"
WRONG = (OTHER, HALF, ONE_MORE)
_MEASURES = {"fuzzing": "ba", "intruder": "accuracy", "simulation": "pearson"}

Json = dict[str, object]


@dataclass(frozen=True)
class Asked:
    """One label of one feature, in one scorer's way."""

    planted: Planted
    kind: str
    """``right``, one of ``WRONG``, or ``NOISE``."""
    names: tuple[str, ...]
    """The meanings that the label names."""
    question: Question


def known_questions(run: RunDirectory, truth: Truth, *, scorers: Sequence[str]) -> list[Asked]:
    """Right and wrong labels of single meanings and unions at moderate noise, and of noise.

    Args:
        run: With contexts.
        truth: What was planted.
        scorers: Names; one that needs no label is asked once a feature.
    """
    features = [one for one in truth.features if one.sort in {"single", "union"} and one.noise == MODERATE.name]
    features += [one for one in truth.features if one.sort == "noise"]
    contexts, donors = load_contexts(run), find_donors(features)
    asked = []
    for planted in features:
        mine = contexts.get(planted.feature, [])
        trial = make_trial(planted.feature, mine, seed=truth.seed)
        explain = tuple(one for one in mine if one.split == "explain")
        for name in scorers:
            for kind, names in _labels(planted, donors[planted.feature]).items():
                if SCORERS[name].needs_label or kind in {RIGHT, NOISE}:
                    question = Question(
                        trial, " or ".join(names), tag=kind, scorer=name, explain=explain, seed=truth.seed
                    )
                    asked.append(Asked(planted, kind, names, question))
    return asked


def judge_known(
    run: RunDirectory, truth: Truth, known: Known, *, llm: str, asking: Asking, scorers: Sequence[str]
) -> Json:
    """Ask a judge about known labels, and measure it.

    Args:
        run: With contexts; its journal keeps the answers.
        truth: What was planted.
        known: Where meanings hold.
        llm: A provider line.
        asking: How it is reached.
        scorers: Names.

    Returns:
        ``llm``; ``follows``: how well its detection answers agree with where the label's own meaning holds, as balanced
        accuracy over all contexts, by kind of label; and by scorer the number of answers and the area under the ROC
        curve of right labels against each kind of wrong one.
    """
    asked = known_questions(run, truth, scorers=scorers)
    answers = judge([one.question for one in asked], llm=llm, asking=asking, journal=run.journal, progress=None)
    values: dict[str, dict[str, list[float | None]]] = {name: defaultdict(list) for name in scorers}
    tables: dict[str, list[Confusion]] = defaultdict(list)
    for one, answer in zip(asked, answers, strict=True):
        values[one.question.scorer][one.kind].append(_value(one.question, answer))
        if answer.fires is not None:
            tables[one.kind].append(_agreement(one, answer.fires, known.masks))
    return {
        "llm": llm,
        "follows": {kind: _follows(tables[kind]) for kind in (RIGHT, *WRONG, NOISE)},
        "scorers": {name: _figures(by_kind) for name, by_kind in values.items()},
    }


def holds(names: Sequence[str], masks: Mapping[str, Mask], context: Context) -> Mask:
    """At which of a context's tokens any of some meanings holds."""
    first = context.position - context.peak
    found: Mask = np.any([masks[name][context.window, first : first + len(context.tokens)] for name in names], axis=0)
    return found


def judged_file(folder: Path) -> Path:
    """Where a run keeps what ``judge_known`` found."""
    return folder / FILE


def _labels(planted: Planted, donor: Planted) -> dict[str, tuple[str, ...]]:
    own, other = (tuple(part.name for part in one.parts) for one in (planted, donor))
    if not own:
        return {NOISE: other}
    found = {RIGHT: own, OTHER: other, ONE_MORE: (*own, other[0])}
    return found | ({HALF: own[:1]} if len(own) == 2 else {})


def _value(question: Question, answer: Answer) -> float | None:
    if answer.fires is not None:
        return Confusion.of(question.trial, answer.fires).balanced_accuracy
    value = answer.measures.get(_MEASURES.get(question.scorer, "")) if answer.outcome == "ok" else None
    return float(value) if isinstance(value, float | int) else None


def _agreement(one: Asked, fires: Sequence[bool], masks: Mapping[str, Mask]) -> Confusion:
    """A judge's answers against where the label's own meaning holds, whatever the feature does."""
    said = [bool(holds(one.names, masks, context).any()) for context in one.question.trial.contexts]
    pairs = list(zip(said, fires, strict=True))
    return Confusion(*(pairs.count(kind) for kind in ((True, True), (True, False), (False, False), (False, True))))


def _follows(tables: Sequence[Confusion]) -> float | None:
    if not tables:
        return None
    accuracy = stats.balanced_accuracy(*(sum(column) for column in zip(*tables, strict=True)))
    return None if accuracy is None else round(accuracy, 4)


def _figures(by_kind: Mapping[str, Sequence[float | None]]) -> Json:
    every = [value for values in by_kind.values() for value in values]
    wrong = [value for kind in WRONG for value in by_kind.get(kind, ())]
    right = by_kind.get(RIGHT, ())
    return {
        "n": sum(value is not None for value in every),
        "missing": sum(value is None for value in every),
        "auc": auc(right, wrong),
        **{f"auc, {kind}": auc(right, by_kind.get(kind, ())) for kind in (*WRONG, NOISE)},
    }
