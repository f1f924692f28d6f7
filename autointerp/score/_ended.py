"""How the requests of a run ended, read from its journal alone: what ``retry`` chooses from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from autointerp.errors import UsageError
from autointerp.harvest import load_contexts
from autointerp.label import RULES, explain_contexts, label_requests, load_groups, load_label_rows
from autointerp.llm import Asking, History, Journal, Outcome, Request, parse_provider, request_key
from autointerp.run import LLMInput, RunDirectory
from autointerp.score._judge import judge
from autointerp.score._question import Question
from autointerp.score._score import questions
from autointerp.score._trial import make_trial
from autointerp.score.scorers import detection_request

Part = Literal["label", "score", "null"]


@dataclass(frozen=True)
class Ended:
    """One request that a run has sent."""

    part: Part
    """A label, a judgement of it, or a judgement of another feature's label."""
    request: Request
    key: str
    outcome: Outcome | None
    """How it ended; a judgement that names a context there is none of is ``invalid``. None: the answer is still to
    come, because a retry or a re-ask was stopped."""


def ended_requests(run: RunDirectory) -> list[Ended]:
    """All requests of a run's labels, and of its scores where it has some, that were ever sent.

    Args:
        run: Labelled.

    Raises:
        UsageError: Its answers came from a replay or a hand-off, which send nothing.
    """
    manifest = run.read_manifest()
    labels = label_requests(explain_contexts(run, load_groups(run)))
    found = _ended(run, "label", manifest.labeler, list(labels.values()))
    if manifest.judge is not None:
        for part, asked in run_questions(run).items():
            found += _judged(run, part, manifest.judge, asked)
    return [one for one in found if one is not None]


def run_questions(run: RunDirectory) -> dict[Part, list[Question]]:
    """What judges are asked about a run's labels.

    Args:
        run: Labelled.
    """
    contexts, seed = load_contexts(run), run.read_manifest().seed
    labels = {row.feature: row for row in load_label_rows(run)}
    trials = {feature: make_trial(feature, contexts.get(feature, []), seed=seed) for feature in labels}
    own, nulls, _ = questions(labels, trials, seed=seed)
    return {"score": list(own.values()), "null": list(nulls.values())}


def _ended(run: RunDirectory, part: Part, who: LLMInput | None, requests: Sequence[Request]) -> list[Ended | None]:
    """One each; None where it was never sent."""
    if who is None or who.provider == RULES or not run.journal.exists():
        return [None] * len(requests)
    provider = parse_provider(who.provider, base_url=who.base_url)
    verb = f"label --out {run.path} --resume" if part == "label" else f"score {run.path}"
    if provider.replay:
        real = who.provider.removeprefix("replay:")
        raise UsageError(
            f"{run.path}: its answers came from a replay, which sends nothing. Run 'autointerp {verb} --llm {real}' "
            "first; what is in the journal is not asked again."
        )
    if provider.way == "handoff":
        raise UsageError(
            f"{run.path}: its answers came from files. 'autointerp {verb} --requests-out FILE' writes all requests "
            "without a valid reply; take new replies in with --replies-in."
        )
    found: list[Ended | None] = []
    with Journal(run.journal, read_only=True) as book:
        for request in requests:
            key = request_key(request, provider)
            history = book.history(key)
            was_sent = history.attempts or history.superseded
            found.append(Ended(part, request, key, _outcome(history)) if was_sent else None)
    return found


def _outcome(history: History) -> Outcome | None:
    has_failed = history.outcome is Outcome.error and not history.is_awaited
    return history.outcome if history.is_final or has_failed else None


def _judged(run: RunDirectory, part: Part, who: LLMInput, asked: Sequence[Question]) -> list[Ended | None]:
    """The same for judgements, whose replies must fit their question, too."""
    ended = _ended(run, part, who, [detection_request(question) for question in asked])
    answered = [question for question, one in zip(asked, ended, strict=True) if one and one.outcome is Outcome.ok]
    asking = Asking(base_url=who.base_url)
    answers = iter(judge(answered, llm=who.provider, asking=asking, journal=run.journal, progress=None))
    return [
        replace(one, outcome=Outcome(next(answers).outcome)) if one and one.outcome is Outcome.ok else one
        for one in ended
    ]
