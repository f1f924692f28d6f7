"""``--format hf``: a folder that ``datasets.load_dataset`` opens and the Hugging Face hub shows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from autointerp.errors import UsageError
from autointerp.export._folder import replace_folder
from autointerp.export._hf_card import card
from autointerp.export._text import public_name
from autointerp.label import load_groups
from autointerp.run import RunDirectory, write_text
from autointerp.score import load_summary

_GROUPS = pa.schema([("group", pa.string()), ("feature", pa.int64())])


def write_hf(run: RunDirectory, out: Path) -> Path:
    """Write ``README.md`` (the card), ``data/*.parquet`` (the run's tables, as they are) and ``summary.json``.

    Args:
        run: A labelled run; scores and contexts are there where the run has them.
        out: The folder.

    Returns:
        The folder; on an error the old one is intact.

    Raises:
        UsageError: The run has no labels, or the folder holds something else.
    """
    groups = load_groups(run)
    if not run.labels.exists():
        raise UsageError(f"{run.labels}: not there yet. Finish 'autointerp label --out {run.path} --resume' first.")
    summary = dict(load_summary(run))
    name = str(summary.get("run") or run.path.resolve().name)
    tables = {"labels": run.labels, "features": run.features, "scores": run.scores, "contexts": run.contexts}
    with replace_folder(out, form="hf") as folder:
        data = folder / "data"
        data.mkdir()
        pairs = [{"group": group, "feature": feature} for group, members in groups.items() for feature in members]
        pq.write_table(pa.Table.from_pylist(pairs, _GROUPS), data / "groups.parquet")
        present = {table: source for table, source in tables.items() if source.exists()}
        for table, source in present.items():
            shutil.copyfile(source, data / f"{table}.parquet")
        configs = {table: f"data/{table}.parquet" for table in (*present, "groups")}
        if summary:
            public = summary | {"sae": public_name(str(summary.get("sae")))}
            write_text(folder / "summary.json", json.dumps(public, indent=2) + "\n")
        write_text(folder / "README.md", card(name, run.read_manifest(), summary, configs))
    return out
