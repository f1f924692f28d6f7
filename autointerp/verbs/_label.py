"""``label``: whatever is missing before it, then a label for every selected feature."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import pandas as pd

from autointerp._keywords import only, with_keywords
from autointerp.export import write_labels_csv
from autointerp.harvest import ContextConfig, load_features, write_contexts
from autointerp.label import RULES, check_selection, label_features, load_labels, select_features
from autointerp.llm import is_same_model
from autointerp.run import Manifest, Progress, RunDirectory, Silence, default_run, exclusive
from autointerp.score import RunEstimate, estimate_run, write_summary
from autointerp.verbs._asking import AskingOptions, make_asking
from autointerp.verbs._harvest import ensure_harvest
from autointerp.verbs._inputs import InputOptions, Inputs, Options, claim, open_inputs

DEFAULT_FEATURES = "top25,bottom25,random:200"


class LabelOptions(InputOptions, AskingOptions, total=False):
    """All keys of both."""


@with_keywords
def label(
    sae: str | Path | None,
    out: str | Path | None = None,
    *,
    llm: str | None = None,
    features: str | None = None,
    dry_run: bool = False,
    n_tokens: int | None = None,
    device: str = "cpu",
    resume: bool = False,
    progress: Progress | None = None,
    **options: Unpack[LabelOptions],
) -> pd.DataFrame | RunEstimate:
    """Label an SAE's features, harvesting and selecting first where that is not done.

    Args:
        sae: The SAE: a folder or file in a known format. May be None for a run that was begun.
        out: The run directory (default: ``runs/`` and the SAE's folder name).
        llm: ``rules`` (the default: no key, no network), ``openai:MODEL``, ``anthropic:MODEL``,
            ``batch:openai:MODEL`` (through the provider's batch service), ``jsonl`` (requests into a file, replies from
            a file), ``replay:openai:MODEL`` (answers from the journal only).
        features: Groups of features, e.g. ``top25,bottom25,random:200`` (the default) or ``ids:3|17``.
        dry_run: Only estimate requests, tokens and cost of labels and scores.
        n_tokens: Tokens to read (default 1,000,000).
        device: ``cpu`` or ``cuda``.
        resume: Go on with a run that was begun; what was paid for is not asked again.
        progress: Listener.
        **options: Subject model, hook point, corpus and the like: see ``InputOptions``; another server, limits, files
            and the like: see ``AskingOptions``.

    Returns:
        One row a labelled feature; or with ``dry_run`` the estimate.

    Raises:
        UsageError: An input is wrong, or the run exists and ``resume`` is false.
        IncompleteError: The budget ended before the features did (``labels.csv`` holds what there is), the server
            answers nobody, or a hand-off's replies are awaited.
        InterruptedRunError: Ctrl-C or SIGTERM; what was answered is in the journal.
        ProviderFatalError: The provider refuses the account.
    """
    progress = progress or Silence()
    run = RunDirectory(out if out is not None else default_run("run" if sae is None else sae))
    asking = make_asking("autointerp", "label", "--out", str(run.path), "--resume", **only(AskingOptions, options))
    if features is not None:
        check_selection(features)
    if llm is not None:
        asking.check(llm, is_new=not run.journal.exists() and not dry_run)
    claim(run, resume=resume)
    wanted = Options(
        sae=None if sae is None else str(sae), n_tokens=n_tokens, device=device, **only(InputOptions, options)
    )
    with exclusive(run.path):
        inputs = open_inputs(run, wanted, progress)
        ensure_harvest(inputs, progress)
        recorded = run.read_manifest()
        chosen = (recorded.labeler.provider if recorded.labeler else RULES) if llm is None else llm
        if asking.base_url is None and recorded.labeler and is_same_model(chosen, recorded.labeler.provider):
            asking = replace(asking, base_url=recorded.labeler.base_url)
        asking.check(chosen)
        _ensure_contexts(inputs, features, progress)
        _set(run, "dry_run", dry_run and not run.labels.exists() and not run.journal.exists())
        if dry_run:
            return estimate_run(run, llm=chosen, asking=asking)
        try:
            with progress.stage("labels", "features") as tick:
                label_features(run, llm=chosen, asking=asking, progress=tick)
        finally:
            if run.labels.exists():
                write_labels_csv(run)
                write_summary(run)
    return load_labels(run)


def _ensure_contexts(inputs: Inputs, features: str | None, progress: Progress) -> None:
    """Select the features, and write their contexts unless just these are there."""
    run = inputs.run
    config = run.read_manifest().config
    spec = (config.get("features") or DEFAULT_FEATURES) if features is None else features
    is_done = run.is_done("contexts") and config.get("features") == spec
    if is_done and features is None:
        return
    started = time.monotonic()
    selection = select_features(load_features(run), str(spec), seed=inputs.config.seed)
    if is_done and selection.groups == config.get("groups"):  # a file of ids may say something else by now
        return
    for note in selection.notes:
        progress.say(note)
    wanted = sorted({feature for group in selection.groups.values() for feature in group})
    run.update(_forget_selection)  # before its contexts are overwritten
    with progress.stage("contexts", "windows") as tick:
        write_contexts(
            run,
            wanted,
            model=inputs.model,
            subject=inputs.subject,
            windows=inputs.windows,
            config=ContextConfig(seed=inputs.config.seed),
            progress=tick,
        )

    def record(manifest: Manifest) -> None:
        manifest.config["features"] = spec
        manifest.config["groups"] = selection.groups

    run.update(record)
    run.finish("contexts", time.monotonic() - started)


def _forget_selection(manifest: Manifest) -> None:
    for stage in ("contexts", "labels", "scores"):
        manifest.stages.pop(stage, None)


def _set(run: RunDirectory, key: str, value: object) -> None:
    def change(manifest: Manifest) -> None:
        if value:
            manifest.config[key] = value
        else:
            manifest.config.pop(key, None)

    run.update(change)
