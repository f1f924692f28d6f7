"""``retry``: the one way to ask again what was answered, but not well."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from autointerp._keywords import with_keywords
from autointerp.errors import UsageError
from autointerp.export import write_labels_csv
from autointerp.label import label_features
from autointerp.llm import Asking, Journal, Outcome
from autointerp.run import LLMInput, Progress, RunDirectory, Silence, exclusive
from autointerp.score import Ended, RunEstimate, ended_requests, score_features, write_summary
from autointerp.verbs._asking import SpendingOptions, make_asking

RETRIED = (Outcome.error, Outcome.invalid, Outcome.truncated, Outcome.refused, Outcome.filtered)
"""What can be asked again."""
DEFAULT_ONLY = "error,invalid,truncated"
"""What another try often mends; a refusal or a filter mostly comes again, and is paid again."""


@dataclass(frozen=True)
class Retried:
    """How many requests were asked again."""

    n_labels: int
    n_judgements: int
    """Of labels, and of the shuffled null."""


@with_keywords
def retry(
    run: str | Path,
    *,
    only: str = DEFAULT_ONLY,
    dry_run: bool = False,
    progress: Progress | None = None,
    **options: Unpack[SpendingOptions],
) -> Retried | RunEstimate:
    """Ask again the requests of a run that ended in one of some outcomes, and write its files anew.

    What they brought before stays in the journal and counts as money, but answers no more. All other requests stay as
    they are; judgements of labels that change are made anew. A retry that was stopped is taken up by the next.

    Args:
        run: A labelled run directory; labeler and judge are those it names.
        only: Outcomes, with commas between: ``error``, ``invalid``, ``truncated``, ``refused``, ``filtered``.
        dry_run: Only estimate.
        progress: Listener.
        **options: Limits, cache, prices: see ``SpendingOptions``. The limits are the run's in all, before and now; the
            cache has no say in what was answered before, and gets the new answers.

    Returns:
        What was asked again; or with ``dry_run`` the estimate of it.

    Raises:
        UsageError: The run is not labelled, or was answered by a replay or a hand-off, or there is no such outcome.
        IncompleteError: The budget ended first; ``autointerp label --resume`` and ``autointerp score`` go on.
        ProviderFatalError: The provider refuses the account.
    """
    directory, progress = RunDirectory.open(run), progress or Silence()
    outcomes = _read_outcomes(only)
    if not directory.is_done("labels"):
        raise UsageError(f"{run}: no labels yet. Finish 'autointerp label --out {run} --resume' first.")
    asking = make_asking(**options)
    with exclusive(directory.path):
        ended = ended_requests(directory)
        again = [one for one in ended if one.outcome is None or one.outcome in outcomes]
        if dry_run:
            return _estimate(directory, again, asking)
        if again:
            left = {one.key for one in ended} - {one.key for one in again}
            _ask_again(directory, again, replace(asking, leave=frozenset(left)), progress)
    n_labels = sum(one.part == "label" for one in again)
    return Retried(n_labels, len(again) - n_labels)


def _ask_again(run: RunDirectory, again: Sequence[Ended], asking: Asking, progress: Progress) -> None:
    manifest = run.read_manifest()
    labeler, judge = manifest.labeler, manifest.judge  # labels that change make the run forget its judge
    with Journal(run.journal) as book:
        book.reopen(one.key for one in again if one.outcome not in (None, Outcome.error))
    if labeler is not None and any(one.part == "label" for one in again):
        try:
            with progress.stage("labels", "features") as tick:
                label_features(run, llm=labeler.provider, asking=_at(labeler, asking), progress=tick)
        finally:
            write_labels_csv(run)
            write_summary(run)
    if judge is not None and (not run.is_done("scores") or any(one.part != "label" for one in again)):
        with progress.stage("scores", "features") as tick:
            score_features(run, llm=judge.provider, asking=_at(judge, asking), progress=tick)


def _estimate(run: RunDirectory, again: Sequence[Ended], asking: Asking) -> RunEstimate:
    """Of sending just these; judgements that new labels bring come on top."""
    manifest = run.read_manifest()
    parts = {}
    for part, who in (("label", manifest.labeler), ("score", manifest.judge), ("null", manifest.judge)):
        requests = [one.request for one in again if one.part == part]
        if who is not None and requests:
            alone = replace(_at(who, asking), cache=None)
            parts[part] = alone.estimate(who.provider, requests, journal=None)
    return RunEstimate(**parts)


def _at(who: LLMInput, asking: Asking) -> Asking:
    return replace(asking, base_url=who.base_url)


def _read_outcomes(only: str) -> Collection[Outcome]:
    names = [name.strip() for name in only.split(",")]
    unknown = [name for name in names if name not in RETRIED]
    if unknown:
        raise UsageError(f"--only {unknown[0]!r}: not an outcome to retry. Known: {', '.join(RETRIED)}.")
    return {Outcome(name) for name in names}
