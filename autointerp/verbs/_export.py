"""``export``, ``report`` and ``doctor``: what leaves the run directory, and what the machine has."""

from __future__ import annotations

from pathlib import Path

from autointerp.export import write_export
from autointerp.report import Finding, diagnose, write_report
from autointerp.run import Progress, RunDirectory
from autointerp.verbs._view import write_html


def export(
    run: str | Path,
    format: str = "csv",  # noqa: A002
    *,
    out: str | Path | None = None,
    raw: bool = False,
    one_file: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a run's labels in another format, or the run as pages to look at.

    Args:
        run: A labelled run directory.
        format: ``csv``, ``jsonl``, or ``html``: the pages of ``view`` as static files.
        out: The file (default: ``labels.csv`` or ``labels.jsonl`` in the run directory), or the folder of the pages
            (default: ``html`` there).
        raw: Leave text cells as they are, instead of making them safe for spreadsheets.
        one_file: With ``html``: one page that needs nothing else, for up to 500 features with contexts.
        progress: Listener.

    Returns:
        The file written.

    Raises:
        UsageError: The run has no labels, the format is unknown, or the folder holds something else.
    """
    target = None if out is None else Path(out)
    if format == "html":
        return write_html(RunDirectory.open(run), target, one_file=one_file, progress=progress)
    return write_export(RunDirectory.open(run), format, out=target, raw=raw)


def report(run: str | Path) -> Path:
    """Write the run's page, ``report/index.html``, and return its path.

    Raises:
        UsageError: The run has no labels.
    """
    return write_report(RunDirectory.open(run))


def doctor() -> list[Finding]:
    """What is installed, which models, keys, devices and caches are seen, and what is wrong."""
    return diagnose()
