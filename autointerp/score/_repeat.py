"""The same features labelled and judged again and again: what a labeler and a judge answer each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from autointerp.errors import IncompleteError
from autointerp.harvest import load_contexts
from autointerp.label import (
    MONOSEMANTIC,
    RULES,
    LabelRow,
    explain_contexts,
    label_by_rules,
    label_requests,
    label_row,
)
from autointerp.llm import Asking
from autointerp.run import Progress, RunDirectory
from autointerp.score._floors import shuffled_floor
from autointerp.score._judge import judge
from autointerp.score._question import Question
from autointerp.score._row import ScoreRow, load_score_rows
from autointerp.score._trial import Trial, make_trial
from autointerp.score._verdict import Judged, score_row

Samples = dict[tuple[int, int], LabelRow]
"""By feature and sample."""


@dataclass(frozen=True)
class Repeats:
    """Labels and scores by feature and sample; what could not be asked is missing."""

    labels: Mapping[tuple[int, int], LabelRow]
    scores: Mapping[tuple[int, int], ScoreRow]


def repeat(
    run: RunDirectory,
    features: Sequence[int],
    *,
    n_samples: int,
    labeler: str,
    label_asking: Asking,
    llm: str,
    asking: Asking,
    progress: Progress,
) -> Repeats:
    """Label and judge features ``n_samples`` times over, from the same contexts and in the same words.

    The first sample is the run itself, from its journal. The floor of ``verified`` is the run's own in every sample.

    Args:
        run: Scored.
        features: Which.
        n_samples: How often.
        labeler: Who labels: ``rules`` or a provider line.
        label_asking: How the labeler is asked.
        llm: Who judges.
        asking: How the judge is asked.
        progress: Listener.

    Raises:
        IncompleteError: The budget ended first, or a hand-off's replies are awaited.
    """
    explain = explain_contexts(run, {"repeated": features})
    with progress.stage("labels", "answers") as tick:
        if labeler == RULES:
            by_rules = {feature: label_by_rules(feature, contexts) for feature, contexts in explain.items()}
            labels = {(feature, sample): row for feature, row in by_rules.items() for sample in range(n_samples)}
        else:
            requests = {
                (feature, sample): replace(request, sample=sample)
                for feature, request in label_requests(explain).items()
                for sample in range(n_samples)
            }
            replies = label_asking.ask(labeler, list(requests.values()), journal=run.journal, progress=tick)
            labels = {
                (feature, sample): label_row(feature, reply, llm=labeler, n_contexts=len(explain[feature]))
                for (feature, sample), reply in zip(requests, replies, strict=True)
            }
    _check_complete(run, [row.outcome for row in labels.values()])
    contexts, seed = load_contexts(run), run.read_manifest().seed
    trials = {feature: make_trial(feature, contexts.get(feature, []), seed=seed) for feature in explain}
    questions = _questions(labels, trials)
    with progress.stage("judgements", "answers") as tick:
        answers = judge(list(questions.values()), llm=llm, asking=asking, journal=run.journal, progress=tick)
    _check_complete(run, [answer.outcome for answer in answers])
    judged = dict(zip(questions, answers, strict=True))
    floor = shuffled_floor(row.shuffled_ba for row in load_score_rows(run))
    scores = {
        (feature, sample): score_row(
            Judged(trials[feature], label, None, judged.get((feature, sample)), None, None), floor=floor
        )
        for (feature, sample), label in labels.items()
    }
    return Repeats(labels, scores)


def _questions(labels: Samples, trials: Mapping[int, Trial]) -> dict[tuple[int, int], Question]:
    return {
        (feature, sample): Question(trials[feature], label.label, label.rule, tag="again", sample=sample)
        for (feature, sample), label in labels.items()
        if label.verdict == MONOSEMANTIC and trials[feature].has_both
    }


def _check_complete(run: RunDirectory, outcomes: Sequence[str]) -> None:
    n_skipped = outcomes.count("skipped_budget")
    if n_skipped:
        raise IncompleteError(
            f"{run.path}: the budget ended with {n_skipped} of {len(outcomes)} repeated answers not given. "
            f"Go on with 'autointerp reliability {run.path}' and a higher limit."
        )
