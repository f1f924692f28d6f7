"""``sweep``: a grid of SAEs, trained in one pass, labelled and compared."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from autointerp.errors import UsageError
from autointerp.label import POLYSEMANTIC, check_selection
from autointerp.run import Progress, RunDirectory, Silence, default_run, replace_atomically
from autointerp.stats import Homogeneity, homogeneity, wilson
from autointerp.train import EVALUATION_FILE, SweepConfig, train_sweep
from autointerp.verbs._label import label
from autointerp.verbs._score import score

TABLE_FILE = "sweep.csv"
RATES = ("label", "verified")


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found."""

    table: pd.DataFrame
    """A row an SAE: its point of the grid, d_sae, FVU, L0, dead features by every definition, and the rates over all
    labelled features (``label_k``, ``label_n``, ``label_rate``, ``label_low``, ``label_high``, ``verified_...``)."""
    homogeneity: dict[str, Homogeneity | None]
    """Rate -> chi-square test that all SAEs share it; None where a rate has no answers."""


def sweep(
    config: str | Path | SweepConfig,
    out: str | Path | None = None,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> SweepResult:
    """Train a grid of SAEs in one pass over the same activations, label features of each, and compare the rates.

    Args:
        config: A TOML file, or its content as ``SweepConfig``.
        out: Folder (default: ``runs/`` and the file's name). Each SAE has a folder in it, with its run in ``run/``;
            the table is written to ``sweep.csv``.
        resume: Go on with the sweep in ``out``; what is done is not done again.
        progress: Listener.

    Returns:
        The table, and the test whether the SAEs differ in their rates at all.

    Raises:
        UsageError: The config, model, hook point or corpus can't be used, or ``out`` holds a sweep.
        MismatchError: ``resume``, and the sweep there has another config.
    """
    progress = progress or Silence()
    if not isinstance(config, SweepConfig):
        path = Path(config)
        out = default_run(path) if out is None else out
        config = SweepConfig.read(path)
    if out is None:
        raise UsageError("--out: name the folder for the sweep.")
    check_selection(config.features)
    folders = train_sweep(config, Path(out), progress, resume=resume)
    rows = []
    for (name, folder), point in zip(folders.items(), config.points(), strict=True):
        progress.say(name)
        run = folder / "run"
        label(
            folder, run, llm="rules", features=config.features, n_tokens=config.n_label_tokens, resume=True,
            progress=progress,
        )  # fmt: skip
        score(run, progress=progress)
        rows.append({"name": name, **point, **_measured(folder), **_rates(run)})
    table = pd.DataFrame(rows)
    with replace_atomically(Path(out) / TABLE_FILE) as temporary:
        table.to_csv(temporary, index=False)
    return SweepResult(table, {rate: _compare(table, rate) for rate in RATES})


def _measured(folder: Path) -> dict[str, Any]:
    file, summary = folder / EVALUATION_FILE, RunDirectory(folder / "run").summary
    measured = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    found = json.loads(summary.read_text(encoding="utf-8"))
    dead = {f"dead_{kind}": math.nan if count is None else count for kind, count in found["dead"].items()}
    return {
        "d_sae": found["n_features"],
        "fvu": measured.get("fvu", math.nan),
        "l0": measured.get("l0", math.nan),
        **dead,
    }


def _rates(run: Path) -> dict[str, Any]:
    labels = pd.read_parquet(RunDirectory(run).labels)
    scores = pd.read_parquet(RunDirectory(run).scores)
    answers = {
        "label": [verdict != POLYSEMANTIC for verdict in labels["verdict"].dropna()],
        "verified": [bool(verdict) for verdict in scores["verified"].dropna()],
    }
    found: dict[str, Any] = {}
    for rate, given in answers.items():
        k, n = sum(given), len(given)
        interval = wilson(k, n)
        values = {"k": k, "n": n, "rate": k / n if n else None, "low": interval.low, "high": interval.high}
        found |= {f"{rate}_{name}": value for name, value in values.items()}
    return found


def _compare(table: pd.DataFrame, rate: str) -> Homogeneity | None:
    ks, ns = table[f"{rate}_k"].tolist(), table[f"{rate}_n"].tolist()
    return homogeneity(ks, ns) if all(ns) else None
