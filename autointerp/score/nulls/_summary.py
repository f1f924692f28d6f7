"""What null runs found, for the summary of the run they belong to."""

from __future__ import annotations

import json

from autointerp.harvest import load_features
from autointerp.run import RunDirectory
from autointerp.score.nulls._names import NULLS, SHUFFLED_LABELS


def null_directory(run: RunDirectory, name: str) -> RunDirectory:
    """The run directory of one null, which keeps its answers in the journal of the run it belongs to.

    So limits of money and requests count over both, and nothing is paid for twice.
    """
    null = RunDirectory(run.path / "nulls" / name)
    null.journal = run.journal
    return null


def null_summaries(run: RunDirectory) -> dict[str, object]:
    """Of every finished null: its rates as a group has them, and how alive and how dense it is.

    Nulls that others labelled or judged than the run's own labels are left out, since they can't be compared.
    """
    manifest = run.read_manifest()
    found: dict[str, object] = {}
    for name in NULLS:
        null = null_directory(run, name)
        if name == SHUFFLED_LABELS or not null.is_done("scores"):
            continue
        made = null.read_manifest()
        if (made.labeler, made.judge) != (manifest.labeler, manifest.judge):
            continue
        summary, features = json.loads(null.summary.read_text(encoding="utf-8")), load_features(null)
        (group,) = summary["groups"].values()
        found[name] = {
            "replaces": NULLS[name],
            "d_sae": summary["n_features"],
            "n_alive": summary["n_alive"],
            "l0": float(features["density"].sum()),
            **group,
        }
    return found
