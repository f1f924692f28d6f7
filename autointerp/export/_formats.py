"""The formats a run is exported to, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autointerp.errors import UsageError
from autointerp.export._csv import write_labels_csv
from autointerp.export._jsonl import write_labels_jsonl
from autointerp.run import RunDirectory

FORMATS: dict[str, Callable[[RunDirectory, Path | None, bool], Path]] = {
    "csv": lambda run, out, raw: write_labels_csv(run, raw=raw, path=out),
    "jsonl": lambda run, out, _: write_labels_jsonl(run, out),
}
"""Name -> writer(run, file or None for the usual one, whether text stays raw)."""


def write_export(run: RunDirectory, name: str, *, out: Path | None = None, raw: bool = False) -> Path:
    """Write a run's labels in a named format.

    Args:
        run: A run with labels.
        name: A key of ``FORMATS``.
        out: The file (default: the format's own in the run directory).
        raw: Leave text cells as they are, where the format makes them safe.

    Returns:
        The file written.

    Raises:
        UsageError: The format is unknown, or the run has no labels.
    """
    if name not in FORMATS:
        raise UsageError(f"--format {name}: unknown; there are {', '.join(FORMATS)}.")
    return FORMATS[name](run, out, raw)
