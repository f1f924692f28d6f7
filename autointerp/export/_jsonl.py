"""``labels.jsonl``: the columns of ``labels.csv`` with their types."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from autointerp.export._rows import label_records
from autointerp.run import RunDirectory, write_text


def write_labels_jsonl(run: RunDirectory, path: Path | None = None) -> Path:
    """Write the labels as JSON Lines: ASCII, one object a selected feature per group, null where there is no value.

    Args:
        run: A run with labels.
        path: The file (default: ``labels.jsonl`` in the run directory).

    Returns:
        The file written; on an error the old one is intact.

    Raises:
        UsageError: The run has no labels.
    """
    target = path or run.path / "labels.jsonl"
    write_text(target, "".join(json.dumps(asdict(record)) + "\n" for record in label_records(run)))
    return target
