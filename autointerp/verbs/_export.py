"""``export``, ``report`` and ``doctor``: what leaves the run directory, and what the machine has."""

from __future__ import annotations

from pathlib import Path

from autointerp.export import write_export
from autointerp.report import Finding, diagnose, write_report
from autointerp.run import RunDirectory


def export(run: str | Path, format: str = "csv", *, out: str | Path | None = None, raw: bool = False) -> Path:  # noqa: A002
    """Write a run's labels in another format.

    Args:
        run: A labelled run directory.
        format: ``csv`` or ``jsonl``.
        out: The file (default: ``labels.csv`` or ``labels.jsonl`` in the run directory).
        raw: Leave text cells as they are, instead of making them safe for spreadsheets.

    Returns:
        The file written.

    Raises:
        UsageError: The run has no labels, or the format is unknown.
    """
    return write_export(RunDirectory.open(run), format, out=None if out is None else Path(out), raw=raw)


def report(run: str | Path) -> Path:
    """Write the run's page, ``report/index.html``, and return its path.

    Raises:
        UsageError: The run has no labels.
    """
    return write_report(RunDirectory.open(run))


def doctor() -> list[Finding]:
    """What is installed, which models, keys, devices and caches are seen, and what is wrong."""
    return diagnose()
