"""``score``: do the labels predict where the features fire?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Unpack

import pandas as pd

from autointerp._keywords import with_keywords
from autointerp.errors import UsageError
from autointerp.export import write_labels_csv
from autointerp.llm import is_same_model
from autointerp.run import Progress, RunDirectory, Silence, exclusive
from autointerp.score import load_scores, parse_scorers, score_features
from autointerp.score.nulls import SHUFFLED_LABELS, parse_nulls
from autointerp.verbs._asking import AskingOptions, make_asking
from autointerp.verbs._nulls import run_nulls


@with_keywords
def score(
    run: str | Path,
    *,
    llm: str | None = None,
    scorers: str = "detection",
    nulls: str = SHUFFLED_LABELS,
    null_features: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    **options: Unpack[AskingOptions],
) -> pd.DataFrame:
    """Judge a run's labels on contexts of documents that the labeler never saw.

    Args:
        run: A labelled run directory.
        llm: The judge: ``rules`` or a provider line as for ``label`` (default: who labelled).
        scorers: What to ask besides detection, which ``verified`` rests on and which is always asked: names with
            commas between them of ``detection``, ``fuzzing``, ``intruder``, ``simulation``.
        nulls: What to hold the rates against: ``shuffled_labels`` (always made), ``shuffled_activations``,
            ``random_directions``, ``frozen_random_decoder``, ``reinitialised_model``, ``control`` (no null, but what
            the two before it, which are trained, are to be held against), some of them joined by commas, or ``all``.
            All but the first are small runs in ``nulls/``, labelled and judged as the run is, under its limits.
        null_features: Features of each null run (default: as many as the run's random group has, at most 100).
        device: Where the models of null runs run: ``cpu`` or ``cuda``.
        progress: Listener.
        **options: Another server (default: the labeler's, when the judge is the labeler), limits, files and the like:
            see ``AskingOptions``.

    Returns:
        One row a labelled feature; ``scores.csv`` and ``summary.json`` are written beside.

    Raises:
        UsageError: There is no labelled run, the judge can't judge these labels, or a scorer or null is unknown.
        IncompleteError: The budget ended first, the server answers nobody, or a hand-off's replies are awaited; run it
            again to go on.
        InterruptedRunError: Ctrl-C or SIGTERM; what was answered is in the journal.
        ProviderFatalError: The provider refuses the account.
    """
    names, wanted = parse_scorers(scorers), parse_nulls(nulls)
    directory, progress = RunDirectory.open(run), progress or Silence()
    manifest = directory.read_manifest()
    if not directory.is_done("labels") or manifest.labeler is None:
        raise UsageError(f"{run}: no labels yet. Finish 'autointerp label --out {run} --resume' first.")
    chosen = manifest.labeler.provider if llm is None else llm
    further = [*(("--scorers", ",".join(names)) if len(names) > 1 else ()), *(("--nulls", nulls) if wanted else ())]
    asking = make_asking("autointerp", "score", str(directory.path), *further, **options)
    if asking.base_url is None and is_same_model(chosen, manifest.labeler.provider):
        asking = replace(asking, base_url=manifest.labeler.base_url)
    asking.check(chosen)
    with exclusive(directory.path):
        write_labels_csv(directory)  # a labelling that was killed at its very end did not
        with progress.stage("scores", "features") as tick:
            score_features(directory, llm=chosen, scorers=names, asking=asking, progress=tick)
        if wanted:
            run_nulls(
                directory, wanted, n_features=null_features, llm=chosen, asking=asking, device=device,
                progress=progress,
            )  # fmt: skip
    return load_scores(directory)
