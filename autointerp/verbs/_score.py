"""``score``: do the labels predict where the features fire?"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from autointerp.errors import UsageError
from autointerp.llm import Asking, Handoff, Limits
from autointerp.run import Progress, RunDirectory, Silence, exclusive
from autointerp.score import load_scores, parse_scorers, score_features
from autointerp.score.nulls import SHUFFLED_LABELS, parse_nulls
from autointerp.verbs._inputs import optional_path
from autointerp.verbs._nulls import run_nulls


def score(
    run: str | Path,
    *,
    llm: str | None = None,
    scorers: str = "detection",
    base_url: str | None = None,
    max_cost_usd: float | None = None,
    max_requests: int | None = None,
    max_connections: int | None = None,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    cache: str | Path | None = None,
    prices: str | Path | None = None,
    requests_out: str | Path | None = None,
    replies_in: str | Path | None = None,
    forget_batches: bool = False,
    nulls: str = SHUFFLED_LABELS,
    null_features: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Judge a run's labels on contexts of documents that the labeler never saw.

    Args:
        run: A labelled run directory.
        llm: The judge: ``rules`` or a provider line as for ``label`` (default: who labelled).
        scorers: What to ask besides detection, which ``verified`` rests on and which is always asked: names with
            commas between them of ``detection``, ``fuzzing``, ``intruder``, ``simulation``.
        base_url: Another server for the provider (default: the labeler's, when the judge is the labeler).
        max_cost_usd: Stop sending before this is spent.
        max_requests: Stop sending after so many requests.
        max_connections: Requests in flight at most (default: as many as the account turns out to take).
        requests_per_minute: At most so many.
        tokens_per_minute: At most so many, input and output together.
        cache: A folder of answers that runs share; what is in it is not sent again.
        prices: A price table, see ``autointerp/llm/prices.toml`` (default: the one ``AUTOINTERP_PRICES`` names).
        requests_out: For ``jsonl``: a file to write the requests to that have no valid reply yet.
        replies_in: For ``jsonl``: a file of replies to take in first.
        forget_batches: Ask again what a batch begun earlier may still answer, and charge for.
        nulls: What to hold the rates against: ``shuffled_labels`` (always made), ``shuffled_activations``,
            ``random_directions``, ``frozen_random_decoder``, ``reinitialised_model``, ``control`` (no null, but what
            the two before it, which are trained, are to be held against), some of them joined by commas, or ``all``.
            All but the first are small runs in ``nulls/``, labelled and judged as the run is, under its limits.
        null_features: Features of each null run (default: as many as the run's random group has, at most 100).
        device: Where the models of null runs run: ``cpu`` or ``cuda``.
        progress: Listener.

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
    chosen = llm or manifest.labeler.provider
    if base_url is None and chosen == manifest.labeler.provider:
        base_url = manifest.labeler.base_url
    limits = Limits(
        max_cost_usd=max_cost_usd, max_requests=max_requests, max_concurrency=max_connections,
        requests_per_minute=requests_per_minute, tokens_per_minute=tokens_per_minute,
    )  # fmt: skip
    further = [*(("--scorers", ",".join(names)) if len(names) > 1 else ()), *(("--nulls", nulls) if wanted else ())]
    asking = Asking(
        base_url=base_url,
        limits=limits,
        cache=optional_path(cache),
        prices=optional_path(prices),
        handoff=Handoff.of(requests_out, replies_in),
        forget_batches=forget_batches,
        command=("autointerp", "score", str(directory.path), *further),
    )
    asking.check(chosen)
    with exclusive(directory.path):
        with progress.stage("scores", "features") as tick:
            score_features(directory, llm=chosen, scorers=names, asking=asking, progress=tick)
        if wanted:
            run_nulls(
                directory, wanted, n_features=null_features, llm=chosen, asking=asking, device=device,
                progress=progress,
            )  # fmt: skip
    return load_scores(directory)
