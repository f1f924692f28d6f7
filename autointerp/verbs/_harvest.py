"""``harvest``: statistics and pointers for every feature."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Unpack

import pandas as pd

from autointerp._keywords import with_keywords
from autointerp.harvest import harvest as run_harvest
from autointerp.harvest import load_features
from autointerp.run import Progress, RunDirectory, Silence, exclusive
from autointerp.verbs._inputs import InputOptions, Inputs, Options, claim, open_inputs


@with_keywords
def harvest(
    sae: str | Path | None,
    out: str | Path,
    *,
    n_tokens: int | None = None,
    device: str = "cpu",
    resume: bool = False,
    progress: Progress | None = None,
    **inputs: Unpack[InputOptions],
) -> pd.DataFrame:
    """Run the subject model and the SAE over the corpus once and keep a sketch of every feature.

    Args:
        sae: The SAE: a folder or file in a known format. May be None for a run that was begun.
        out: The run directory.
        n_tokens: Tokens to read (default 1,000,000).
        device: ``cpu`` or ``cuda``.
        resume: Go on with a run that was begun.
        progress: Listener.
        **inputs: Subject model, hook point, corpus and the like: see ``InputOptions``.

    Returns:
        ``features.parquet``: one row a feature.

    Raises:
        UsageError: An input is wrong, or the run exists and ``resume`` is false.
        MismatchError: Inputs disagree.
    """
    run, progress = RunDirectory(out), progress or Silence()
    claim(run, resume=resume)
    options = Options(sae=None if sae is None else str(sae), n_tokens=n_tokens, device=device, **inputs)
    with exclusive(run.path):
        ensure_harvest(open_inputs(run, options, progress), progress)
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
