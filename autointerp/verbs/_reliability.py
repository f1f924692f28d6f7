"""``reliability``: would labeler and judge say the same again?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Unpack

from autointerp._keywords import with_keywords
from autointerp.errors import UsageError
from autointerp.harvest import ContextConfig, load_features, write_contexts
from autointerp.label import MIN_ACTIVE, RULES, LabelRow, load_groups, load_label_rows
from autointerp.run import Manifest, Progress, RunDirectory, Silence, exclusive
from autointerp.score import (
    Reliability,
    Repeats,
    ScoreRow,
    load_score_rows,
    repeat,
    summarise_repeats,
    summarise_twins,
    write_reliability,
)
from autointerp.verbs._asking import DeliveryOptions, make_asking
from autointerp.verbs._inputs import Options, open_inputs
from autointerp.verbs._side_run import label_and_score


@with_keywords
def reliability(
    run: str | Path,
    *,
    samples: int = 3,
    features: int = 50,
    device: str = "cpu",
    progress: Progress | None = None,
    **options: Unpack[DeliveryOptions],
) -> Reliability:
    """Ask a run's labeler and judge again about the same features, and about pairs of near-duplicate features.

    Every question goes out word for word as before; the run's own answers are the first sample. A chain of rules alone
    has nothing to repeat, so only the near-duplicates are looked at. ``autointerp baseline`` takes the noise of the
    verified verdict from what this writes.

    Args:
        run: A scored run directory.
        samples: Answers to each question, the run's own counted.
        features: How many features of the random group are asked about again, and at most how many pairs of
            near-duplicates are labelled.
        device: ``cpu`` or ``cuda``, for the contexts of near-duplicates.
        progress: Listener.
        **options: Limits, cache, files: see ``DeliveryOptions``.

    Returns:
        What ``reliability.json`` holds.

    Raises:
        UsageError: The run is not scored, or its SAE, model or corpus is not there any more.
        IncompleteError: The budget ended first, or a hand-off's replies are awaited; run it again to go on.
        ProviderFatalError: The provider refuses the account.
    """
    directory, progress = RunDirectory.open(run), progress or Silence()
    manifest = directory.read_manifest()
    labeler, judge = manifest.labeler, manifest.judge
    if not directory.is_done("scores") or labeler is None or judge is None:
        raise UsageError(f"{run}: not scored yet. Run 'autointerp score {run}' first.")
    asking = make_asking("autointerp", "reliability", str(directory.path), **options)
    askings = [replace(asking, base_url=one.base_url) for one in (labeler, judge)]
    deterministic = {labeler.provider, judge.provider} == {RULES}
    with exclusive(directory.path):
        chosen = [] if deterministic else _random_features(directory, features)
        repeats = Repeats({}, {})
        if chosen:
            n_more = 2 * (samples - 1) * len(chosen)
            progress.say(f"{len(chosen)} features, each asked {samples} times: up to {n_more:,} more requests")
            repeats = repeat(
                directory, chosen, n_samples=samples, labeler=labeler.provider, label_asking=askings[0],
                llm=judge.provider, asking=askings[1], progress=progress,
            )  # fmt: skip
        twins, pairs = _twin_run(directory, features, device=device, progress=progress)
        labels, scores = {}, {}
        if pairs:
            progress.say(f"{len(pairs)} pairs of near-duplicates, labelled and judged as the run is")
            label_and_score(
                twins, labeler=labeler, label_asking=askings[0], judge=judge.provider, asking=askings[1],
                go_on=f"autointerp reliability {run}", progress=progress,
            )  # fmt: skip
            labels = {row.feature: row for row in load_label_rows(twins)}
            scores = {row.feature: row for row in load_score_rows(twins)}
        rows: list[LabelRow | ScoreRow] = [
            *repeats.labels.values(),
            *repeats.scores.values(),
            *labels.values(),
            *scores.values(),
        ]
        costs = [row.cost_usd for row in rows]
        found = Reliability(
            labeler=labeler,
            judge=judge,
            deterministic=deterministic,
            n_samples=1 if deterministic else samples,
            features=chosen,
            **summarise_repeats(repeats),
            twins=summarise_twins(pairs, labels, scores),
            cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        )
        write_reliability(directory, found)
    return found


def _random_features(run: RunDirectory, n: int) -> list[int]:
    """The first of the random group, or of the first group where there is none."""
    groups = load_groups(run)
    name = next((name for name in groups if name.startswith("random:")), next(iter(groups)))
    return groups[name][:n]


def _twin_run(
    run: RunDirectory, n: int, *, device: str, progress: Progress
) -> tuple[RunDirectory, list[tuple[int, int]]]:
    """A run of its own over one pair of each cluster of near-duplicates, with harvest and journal of the real one."""
    twins = RunDirectory(run.path / "twins")
    twins.harvest, twins.features, twins.journal = run.harvest, run.features, run.journal
    features = load_features(run)
    often = features[features["n_active"] >= MIN_ACTIVE]
    doubles = often[often["duplicate_of"].isin(often["feature"])].drop_duplicates("duplicate_of").head(n)
    pairs = [
        (int(first), int(second)) for first, second in zip(doubles["duplicate_of"], doubles["feature"], strict=True)
    ]
    both = sorted({feature for pair in pairs for feature in pair})
    if not pairs or (twins.is_done("contexts") and load_groups(twins) == {"twins": both}):
        return twins, pairs
    inputs = open_inputs(run, Options(device=device), progress)
    with progress.stage("contexts", "windows") as tick:
        write_contexts(
            twins, both, model=inputs.model, subject=inputs.subject, windows=inputs.windows,
            config=ContextConfig(seed=inputs.config.seed), progress=tick,
        )  # fmt: skip
    real = run.read_manifest()

    def describe(manifest: Manifest) -> None:
        manifest.seed, manifest.sae, manifest.model, manifest.corpus = real.seed, real.sae, real.model, real.corpus
        manifest.config["groups"] = {"twins": both}

    twins.update(describe)
    twins.finish("contexts", 0.0)
    return twins, pairs
