"""SAEs, labels, scores and nulls, made by the project's own verbs; what is done is not done again."""

from __future__ import annotations

import time
from pathlib import Path

from autointerp.run import RunDirectory
from autointerp.score.nulls import null_directory, parse_nulls
from autointerp.train import train_sweep
from autointerp.verbs import label, score
from benchmarks.label_rate_vs_truth._labelers import FURTHER, label_further, labelled_by
from benchmarks.label_rate_vs_truth._plan import Plan, Site

TRAINED = "trained"
RUN_NULLS = parse_nulls("all")
"""Nulls, and the control, that are runs of their own."""


def make(plan: Plan, site: Site, work: Path) -> dict[str, Path]:
    """Train a site's SAEs and bring every one of them to its scores and nulls.

    Args:
        plan: How large.
        site: Where.
        work: Folder of the whole experiment.

    Returns:
        Name of an SAE -> its folder, with its run in ``run/``.
    """
    started = time.monotonic()
    folders = train_sweep(plan.sweep(site), work / site.name, resume=True)
    _say(f"{site.name}: {len(folders)} SAEs trained", started)
    for name, folder in folders.items():
        started = time.monotonic()
        _finish(RunDirectory(folder / "run"), plan, folder)
        _say(f"{site.name}: {name}", started)
    return folders


def runs_of(run: RunDirectory) -> dict[str, RunDirectory]:
    """A run under the name ``trained``, and its nulls, each a run of its own, under theirs."""
    return {TRAINED: run, **{name: null_directory(run, name) for name in RUN_NULLS}}


def _finish(run: RunDirectory, plan: Plan, sae_folder: Path) -> None:
    if not run.is_done("scores"):
        label(sae_folder, run.path, llm="rules", features=plan.features, n_tokens=plan.n_tokens, resume=True)
    missing = [name for name, one in runs_of(run).items() if not one.is_done("scores")]
    if missing:
        score(run.path, nulls="all", null_features=plan.n_random)
    for one in runs_of(run).values():
        for labeler in FURTHER:
            if not labelled_by(labeler, one).is_done("scores"):
                label_further(labeler, one)


def _say(sentence: str, started: float) -> None:
    print(f"{sentence} ({time.monotonic() - started:.0f} s)", flush=True)
