"""``score``: do the labels predict where the features fire?"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from autointerp.errors import UsageError
from autointerp.llm import Asking, Handoff, Limits
from autointerp.run import Progress, RunDirectory, Silence, exclusive
from autointerp.score import load_scores, parse_scorers, score_features
from autointerp.verbs._inputs import optional_path


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
        progress: Listener.

    Returns:
        One row a labelled feature; ``scores.csv`` and ``summary.json`` are written beside.

    Raises:
        UsageError: There is no labelled run, or the judge can't judge these labels, or a scorer doesn't exist.
        IncompleteError: The budget ended first, the server answers nobody, or a hand-off's replies are awaited; run it
            again to go on.
        InterruptedRunError: Ctrl-C or SIGTERM; what was answered is in the journal.
        ProviderFatalError: The provider refuses the account.
    """
    names = parse_scorers(scorers)
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
    further = ("--scorers", ",".join(names)) if len(names) > 1 else ()
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
    with exclusive(directory.path), progress.stage("scores", "features") as tick:
        score_features(directory, llm=chosen, scorers=names, asking=asking, progress=tick)
    return load_scores(directory)
