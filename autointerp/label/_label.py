"""The labelling stage: contexts in, ``labels.parquet`` out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pandas as pd

from autointerp.errors import IncompleteError, InterruptedRunError, ProviderFatalError, UsageError
from autointerp.harvest import Context, load_contexts
from autointerp.label._answered import check_answered
from autointerp.label._by_llm import label_request, label_row, too_few
from autointerp.label._by_rules import RULES, RULES_VERSION, label_by_rules
from autointerp.label._row import LabelRow, load_labels, write_labels
from autointerp.llm import BY_DEFAULT, Asking, Outcome, Reply, Request
from autointerp.run import LLMInput, Manifest, RunDirectory, Tick
from prompts import load_prompt


def label_features(
    run: RunDirectory,
    *,
    llm: str,
    groups: Mapping[str, Sequence[int]] | None = None,
    asking: Asking = BY_DEFAULT,
    progress: Tick | None = None,
) -> pd.DataFrame:
    """Label every selected feature from its explain contexts.

    Answers come from the run's journal where it has them. Labels that change make the run's scores void: they are
    removed. A run that is stopped before it has a whole set of labels gets a row for every feature all the same; labels
    that are all there stand until others are.

    Args:
        run: With contexts written.
        llm: ``rules`` or a provider line.
        groups: Features by group (default: those the run recorded); recorded in the manifest.
        asking: How the provider is reached, and within which limits.
        progress: Told features done of all.

    Returns:
        ``labels.parquet``: one row a distinct feature, in ascending order.

    Raises:
        UsageError: No features are selected, or the provider line is wrong.
        IncompleteError: The budget ended first, or more than 5 % of the requests brought no answer;
            ``labels.parquet`` holds what there is.
        ProviderFatalError: The provider refuses the account; what was answered is in the journal.
        InterruptedRunError: Ctrl-C or SIGTERM; likewise.
    """
    started = time.monotonic()
    chosen = {name: list(ids) for name, ids in groups.items()} if groups is not None else load_groups(run)
    explain = explain_contexts(run, chosen)
    prompt = RULES_VERSION if llm == RULES else load_prompt("label").version
    labeler = LLMInput(provider=llm, prompt=prompt, base_url=asking.base_url)
    is_first = not run.is_done("labels")
    if is_first:
        _record(run, labeler, chosen)  # before asking: whoever goes on after a stop goes on with this labeler
    replies: list[Reply] = []
    if llm == RULES:
        rows = _by_rules(explain, progress)
    else:
        requests = label_requests(explain)
        try:
            replies = asking.ask(llm, list(requests.values()), journal=run.journal, progress=progress)
        except (IncompleteError, InterruptedRunError, ProviderFatalError):
            if is_first:
                kept = asking.recall(llm, list(requests.values()), journal=run.journal)
                _write(run, _rows(explain, dict(zip(requests, kept, strict=True)), llm))
            raise
        rows = _rows(explain, dict(zip(requests, replies, strict=True)), llm)
    _record(run, labeler, chosen)
    _write(run, rows)
    n_skipped = sum(row.outcome == "skipped_budget" for row in rows)
    if n_skipped:
        raise IncompleteError(
            f"{run.path}: the budget ended with {n_skipped} of {len(rows)} features not labelled. "
            f"Go on with 'autointerp label --out {run.path} --resume' and a higher limit."
        )
    run.finish("labels", time.monotonic() - started)
    if not asking.leave:  # else what is left alone on purpose would count
        reasons = [reply.reason for reply in replies if reply.outcome is Outcome.error]
        check_answered(reasons, len(replies), where=run.path, go_on=f"autointerp label --out {run.path} --resume")
    return load_labels(run)


def load_groups(run: RunDirectory) -> dict[str, list[int]]:
    """The feature groups that a run recorded.

    Raises:
        UsageError: None were selected yet.
    """
    groups = run.read_manifest().config.get("groups")
    if not isinstance(groups, dict) or not groups:
        raise UsageError(f"{run.path}: no features are selected yet. Run 'autointerp label --out {run.path} --resume'.")
    return {str(name): [int(feature) for feature in ids] for name, ids in groups.items()}


def explain_contexts(run: RunDirectory, groups: Mapping[str, Sequence[int]]) -> dict[int, list[Context]]:
    """Explain contexts of the distinct selected features, in ascending order of features."""
    contexts = load_contexts(run)
    features = sorted({int(feature) for ids in groups.values() for feature in ids})
    return {
        feature: [context for context in contexts.get(feature, []) if context.split == "explain"]
        for feature in features
    }


def label_requests(explain: Mapping[int, Sequence[Context]]) -> dict[int, Request]:
    """Requests of the features that can be asked about."""
    built = {feature: label_request(feature, contexts) for feature, contexts in explain.items()}
    return {feature: request for feature, request in built.items() if request is not None}


def _by_rules(explain: Mapping[int, Sequence[Context]], progress: Tick | None) -> list[LabelRow]:
    rows = []
    for feature, contexts in explain.items():
        rows.append(label_by_rules(feature, contexts))
        if progress:
            progress(len(rows), len(explain))
    return rows


def _rows(explain: Mapping[int, Sequence[Context]], replies: Mapping[int, Reply], llm: str) -> list[LabelRow]:
    return [
        label_row(feature, replies[feature], llm=llm, n_contexts=len(contexts))
        if feature in replies
        else too_few(feature, contexts, llm=llm)
        for feature, contexts in explain.items()
    ]


def _record(run: RunDirectory, labeler: LLMInput, groups: Mapping[str, Sequence[int]]) -> None:
    """Note whose the labels are; those of another labeler are no whole set any more."""

    def change(manifest: Manifest) -> None:
        if manifest.labeler != labeler:
            manifest.stages.pop("labels", None)
        manifest.config["groups"], manifest.labeler = groups, labeler

    run.update(change)


def _write(run: RunDirectory, rows: Sequence[LabelRow]) -> None:
    def forget_scores() -> None:  # first: whoever is killed in between has no scores of other labels
        run.update(_forget_scores)
        run.scores.unlink(missing_ok=True)
        run.scores_csv.unlink(missing_ok=True)

    write_labels(run, rows, on_change=forget_scores)


def _forget_scores(manifest: Manifest) -> None:
    manifest.stages.pop("scores", None)
    manifest.judge = None
