"""The null runs of ``score``: the same pipeline, with one thing in it not real."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace

from autointerp.harvest import ContextConfig, harvest, load_features, write_contexts
from autointerp.label import RULES, load_groups, load_labels, select_features
from autointerp.llm import Asking, Handoff
from autointerp.run import Manifest, Progress, RunDirectory, SAEInput
from autointerp.score import load_scores, write_summary
from autointerp.score.nulls import CONTROL, DEFAULT_N_FEATURES, NULLS, Parts, build_null, null_directory
from autointerp.verbs._inputs import Options, open_inputs
from autointerp.verbs._side_run import label_and_score

_TRAINED = {"frozen_random_decoder", "reinitialised_model", CONTROL}


def run_nulls(
    run: RunDirectory,
    names: Sequence[str],
    *,
    n_features: int | None,
    llm: str,
    asking: Asking,
    device: str,
    progress: Progress,
) -> None:
    """Make, label and score the null runs of a scored run; parts that are done are not done again.

    Args:
        run: Scored.
        names: Which nulls.
        n_features: Features of each (default: as many as the run's random group has, at most 100).
        llm: The judge; labels are made by whoever made the run's.
        asking: How the judge is asked.
        device: Where models run.
        progress: Listener.

    Raises:
        UsageError: The run's SAE, model or corpus is not there any more.
        IncompleteError: The budget ended first, or a hand-off's replies are awaited.
    """
    n = n_features or _default_n(run)
    progress.say(_announcement(run, names, n, llm))
    try:
        for name in names:
            _run_null(run, name, n, llm=llm, asking=asking, device=device, progress=progress)
    finally:
        write_summary(run)


def _default_n(run: RunDirectory) -> int:
    sizes = [len(ids) for name, ids in load_groups(run).items() if name.startswith("random:")]
    return min(sizes[0], DEFAULT_N_FEATURES) if sizes else DEFAULT_N_FEATURES


def _announcement(run: RunDirectory, names: Sequence[str], n: int, llm: str) -> str:
    """What it takes, said before it starts."""
    manifest = run.read_manifest()
    missing = [name for name in names if not null_directory(run, name).is_done("contexts")]
    trained = [name for name in missing if name in _TRAINED]
    said = f"nulls: {len(names)} runs of {n} features each"
    if missing:
        said += f"; {len(missing)} read {manifest.corpus.n_tokens if manifest.corpus else 0:,} tokens each"
    if trained:
        said += f"; {len(trained)} train an SAE first"
    if {llm, manifest.labeler.provider if manifest.labeler else llm} == {RULES}:
        return f"{said}; rules cost nothing."
    price = sum(float(table["cost_usd"].mean(skipna=False)) for table in (load_labels(run), load_scores(run)))
    cost = "an unknown price" if math.isnan(price) else f"about ${price * n * len(names):.2f}"
    return f"{said}; up to {3 * n * len(names):,} requests for {cost}, within the limits of the run."


def _run_null(
    run: RunDirectory, name: str, n: int, *, llm: str, asking: Asking, device: str, progress: Progress
) -> None:
    null, labeler = null_directory(run, name), run.read_manifest().labeler
    assert labeler is not None
    progress.say(f"{name}: {NULLS[name]}")
    if not null.exists or null.read_manifest().config["features"] != f"random:{n}":
        shutil.rmtree(null.path, ignore_errors=True)  # random directions match just these features
    if not null.is_done("contexts"):
        _ensure_contexts(run, null, name, n, device=device, progress=progress)
    by_labeler = asking if labeler.provider == llm else replace(asking, handoff=Handoff())
    label_and_score(
        null,
        labeler=labeler,
        label_asking=replace(by_labeler, base_url=labeler.base_url),
        judge=llm,
        asking=asking,
        go_on=f"autointerp score {run.path} --nulls {name}",
        progress=progress,
    )


def _ensure_contexts(
    run: RunDirectory, null: RunDirectory, name: str, n: int, *, device: str, progress: Progress
) -> None:
    """Whatever is missing up to the contexts of ``n`` random features."""
    started = time.monotonic()
    inputs = open_inputs(run, Options(device=device), progress)
    real = Parts(inputs.model, inputs.subject, inputs.windows, device, not inputs.config.keep_bos, inputs.config.seed)
    folder = null.path / "sae"
    parts = build_null(name, real, run=run, n_features=n, folder=folder, progress=progress)
    _describe(run, null, parts, path=str(folder if folder.exists() else inputs.options.sae), spec=f"random:{n}")
    if not null.is_done("harvest"):
        with progress.stage("harvest", "tokens") as tick:
            harvest(
                null, model=parts.model, subject=parts.subject, windows=parts.windows, config=inputs.config,
                progress=tick,
            )  # fmt: skip
        null.finish("harvest", time.monotonic() - started)
    started = time.monotonic()
    selection = select_features(load_features(null), f"random:{n}", seed=real.seed)
    for note in selection.notes:
        progress.say(f"{name}: {note}")
    (features,) = selection.groups.values()
    with progress.stage("contexts", "windows") as tick:
        write_contexts(
            null, features, model=parts.model, subject=parts.subject, windows=parts.windows,
            config=ContextConfig(seed=real.seed), progress=tick,
        )  # fmt: skip

    def record(manifest: Manifest) -> None:
        manifest.config["groups"] = selection.groups

    null.update(record)
    null.finish("contexts", time.monotonic() - started)


def _describe(run: RunDirectory, null: RunDirectory, parts: Parts, *, path: str, spec: str) -> None:
    """The null's manifest: the run's own, but for what is replaced."""
    real, cfg = run.read_manifest(), parts.model.cfg
    subject, corpus = real.model, real.corpus
    assert subject is not None
    assert corpus is not None

    def describe(manifest: Manifest) -> None:
        manifest.seed = real.seed
        manifest.config["features"] = spec
        manifest.sae = SAEInput(
            path=path,
            sha256=parts.model.fingerprint(),
            architecture=cfg.architecture,
            d_in=cfg.d_in,
            d_sae=cfg.d_sae,
        )
        manifest.model = subject.model_copy(update={"fingerprint": parts.subject.fingerprint})
        manifest.corpus = corpus.model_copy(
            update={
                "fingerprint": parts.windows.fingerprint,
                "n_windows": parts.windows.n_windows,
                "n_tokens": parts.windows.n_tokens,
            }
        )

    null.update(describe)
