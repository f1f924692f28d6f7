"""``harvest``: statistics and pointers for every feature."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd

from autointerp.harvest import harvest as run_harvest
from autointerp.harvest import load_features
from autointerp.run import Progress, RunDirectory, Silence, exclusive
from autointerp.verbs._inputs import Inputs, Options, claim, open_inputs


def harvest(
    sae: str | Path | None,
    out: str | Path,
    *,
    model: str | None = None,
    hook_point: str | None = None,
    corpus: str | None = None,
    column: str | None = None,
    n_tokens: int | None = None,
    seed: int | None = None,
    keep_bos: bool | None = None,
    device: str = "cpu",
    threads: int | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Run the subject model and the SAE over the corpus once and keep a sketch of every feature.

    Args:
        sae: The SAE: a folder or file in a known format. May be None for a run that was begun.
        out: The run directory.
        model: Subject model: ``bundled``, a hub name or a local folder (default: the SAE's metadata).
        hook_point: Where the SAE reads (default: the SAE's metadata, which it must agree with).
        corpus: ``python``, a .txt/.jsonl/.parquet file or ``hf:NAME`` (default: the SAE's metadata).
        column: Text column of the corpus (default ``text``).
        n_tokens: Tokens to read (default 1,000,000).
        seed: Of every random choice (default 0).
        keep_bos: Count BOS and first positions in the statistics (default: they are left out).
        device: ``cpu`` or ``cuda``.
        threads: CPU threads for torch.
        resume: Go on with a run that was begun.
        progress: Listener.

    Returns:
        ``features.parquet``: one row a feature.

    Raises:
        UsageError: An input is wrong, or the run exists and ``resume`` is false.
        MismatchError: Inputs disagree.
    """
    run, progress = RunDirectory(out), progress or Silence()
    claim(run, resume=resume)
    options = Options(
        sae=None if sae is None else str(sae), model=model, hook_point=hook_point, corpus=corpus, column=column,
        n_tokens=n_tokens, seed=seed, keep_bos=keep_bos, device=device, threads=threads,
    )  # fmt: skip
    with exclusive(run.path):
        inputs = open_inputs(run, options, progress)
        ensure_harvest(inputs, progress)
    return load_features(run)


def ensure_harvest(inputs: Inputs, progress: Progress) -> None:
    """Harvest unless it is done."""
    run = inputs.run
    if run.is_done("harvest"):
        return
    started = time.monotonic()
    with progress.stage("harvest", "tokens") as tick:
        run_harvest(
            run, model=inputs.model, subject=inputs.subject, windows=inputs.windows, config=inputs.config, progress=tick
        )
    run.finish("harvest", time.monotonic() - started)
