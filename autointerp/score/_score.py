"""The scoring stage: labels and held-out contexts in, ``scores.parquet``, ``scores.csv`` and ``summary.json`` out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pandas as pd

from autointerp.errors import IncompleteError, UsageError
from autointerp.harvest import Context, load_contexts
from autointerp.label import MONOSEMANTIC, RULES, RULES_VERSION, LabelRow, check_answered, load_label_rows
from autointerp.llm import BY_DEFAULT, Asking
from autointerp.run import LLMInput, Manifest, RunDirectory, Tick
from autointerp.score._floors import shuffled_floor, token_identity_floor
from autointerp.score._judge import judge
from autointerp.score._position import position_floor
from autointerp.score._question import Question
from autointerp.score._row import load_scores, write_scores
from autointerp.score._shuffle import shuffled_donors
from autointerp.score._summary import write_summary
from autointerp.score._trial import Trial, make_trial
from autointerp.score._verdict import Judged, score_row
from autointerp.score.scorers import DEFAULT, SCORERS
from prompts import load_prompt


def score_features(
    run: RunDirectory,
    *,
    llm: str,
    scorers: Sequence[str] = (DEFAULT,),
    asking: Asking = BY_DEFAULT,
    progress: Tick | None = None,
) -> pd.DataFrame:
    """Judge every label on contexts of documents that the labeler never saw, and each once more as a shuffled null.

    Args:
        run: Labelled.
        llm: ``rules`` (for labels made by rules) or a provider line.
        scorers: Names of scorers; detection is always asked, because ``verified`` rests on it alone.
        asking: How the provider is reached, and within which limits.
        progress: Told judgements done of all.

    Returns:
        ``scores.parquet``: one row a labelled feature, in ascending order.

    Raises:
        UsageError: Nothing was labelled, or the rules judge is asked about an LLM's labels.
        IncompleteError: The budget ended first, or more than 5 % of the judgements brought no answer; the files hold
            what there is.
        ProviderFatalError: The provider refuses the account; what was answered is in the journal.
    """
    started = time.monotonic()
    labels = {row.feature: row for row in load_label_rows(run)}
    _check_judge(run, list(labels.values()), llm)
    contexts, seed = load_contexts(run), run.read_manifest().seed
    trials = {feature: make_trial(feature, contexts.get(feature, []), seed=seed) for feature in labels}
    own, nulls, donors = questions(labels, trials, seed=seed)
    further = _further_questions(labels, trials, contexts, scorers, seed=seed)
    asked = [*own.values(), *nulls.values(), *further.values()]
    answers = judge(asked, llm=llm, asking=asking, journal=run.journal, progress=progress)
    own_answers = dict(zip(own, answers[: len(own)], strict=True))
    null_answers = dict(zip(nulls, answers[len(own) : len(own) + len(nulls)], strict=True))
    further_answers = dict(zip(further, answers[len(own) + len(nulls) :], strict=True))
    more = [name for name in scorers if name != DEFAULT]
    judged = [
        Judged(
            trials[feature],
            label,
            token_identity_floor(trials[feature], contexts.get(feature, [])),
            own_answers.get(feature),
            donors.get(feature),
            null_answers.get(feature),
            position_floor(trials[feature], contexts.get(feature, [])),
            {name: further_answers.get((name, feature)) for name in more},
        )
        for feature, label in labels.items()
    ]
    floor = shuffled_floor(one.null_accuracy for one in judged)
    prompts = {
        name: RULES_VERSION if llm == RULES else load_prompt(SCORERS[name].prompt).version for name in (DEFAULT, *more)
    }

    def record(manifest: Manifest) -> None:
        manifest.stages.pop("scores", None)  # those of an earlier judge are no whole set of this one's
        manifest.judge = LLMInput(provider=llm, prompt=prompts[DEFAULT], base_url=asking.base_url)
        manifest.config["scorers"] = prompts

    run.update(record)
    write_scores(run, [score_row(one, floor=floor) for one in judged])
    n_skipped = sum(answer.outcome == "skipped_budget" for answer in answers)
    if not n_skipped:
        run.finish("scores", time.monotonic() - started)
    write_summary(run)
    if n_skipped:
        raise IncompleteError(
            f"{run.path}: the budget ended with {n_skipped} of {len(asked)} judgements not made. "
            f"Go on with '{' '.join(asking.command) or f'autointerp score {run.path}'}' and a higher limit."
        )
    if not asking.leave:  # else what is left alone on purpose would count
        reasons = [answer.reason for answer in answers if answer.outcome == "error"]
        check_answered(reasons, len(asked), where=run.path, go_on=f"autointerp score {run.path}")
    return load_scores(run)


def questions(
    labels: Mapping[int, LabelRow], trials: Mapping[int, Trial], *, seed: int
) -> tuple[dict[int, Question], dict[int, Question], dict[int, int]]:
    """What judges are asked.

    Args:
        labels: By feature.
        trials: By feature.
        seed: Of the derangement.

    Returns:
        By feature: the question with its own label, the one with another's, and whose that is.
    """
    named = {
        feature: label
        for feature, label in labels.items()
        if label.verdict == MONOSEMANTIC and trials[feature].has_both
    }
    donors = shuffled_donors({feature: label.label for feature, label in named.items()}, seed=seed)
    own = {feature: Question(trials[feature], label.label, label.rule) for feature, label in named.items()}
    nulls = {
        feature: Question(trials[feature], named[donor].label, named[donor].rule, tag="null")
        for feature, donor in donors.items()
    }
    return own, nulls, donors


def _further_questions(
    labels: Mapping[int, LabelRow],
    trials: Mapping[int, Trial],
    contexts: Mapping[int, Sequence[Context]],
    scorers: Sequence[str],
    *,
    seed: int,
) -> dict[tuple[str, int], Question]:
    """By scorer other than detection, and feature: what it asks; nothing where it needs a label that is not there."""
    found = {}
    for name in scorers:
        for feature, label in labels.items():
            is_named = label.verdict == MONOSEMANTIC
            if name != DEFAULT and (is_named or not SCORERS[name].needs_label):
                explain = tuple(one for one in contexts.get(feature, []) if one.split == "explain")
                found[name, feature] = Question(
                    trials[feature],
                    label.label if is_named else "",
                    label.rule if is_named else None,
                    scorer=name,
                    explain=explain,
                    seed=seed,
                )
    return found


def _check_judge(run: RunDirectory, labels: Sequence[LabelRow], llm: str) -> None:
    makers = sorted({label.llm for label in labels} - {RULES})
    if llm == RULES and makers:
        raise UsageError(
            f"{run.path}: the rules judge can only judge labels made by rules, these were made by {makers[0]}. "
            f"Score with an LLM: 'autointerp score {run.path} --llm {makers[0]}'."
        )
