"""``autointerp export`` and ``autointerp report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from autointerp.cli import _options as o


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(name="export")(export)
    app.command(name="report")(report)


def export(
    run: o.RunArgument,
    format: Annotated[  # noqa: A002
        Literal["csv", "jsonl", "neuronpedia", "hf", "junit", "markdown", "delphi", "html"],
        typer.Option(help="What to write."),
    ] = "csv",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE|DIR", help="Where to. [the format's own name in the run directory]")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="csv: don't make cells safe for spreadsheets.")] = False,
    one_file: Annotated[bool, typer.Option("--one-file", help="html: one page that needs nothing else.")] = False,
    device: o.DeviceOption = "cpu",
) -> None:
    """Write the labels in another format, or the run as pages to look at; print the path of the file or folder."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict
    from autointerp.cli._progress import terminal_progress

    print(verbs.export(run, format, out=out, raw=raw, one_file=one_file, device=device, progress=terminal_progress()))
    print_verdict(f"exported: {run} as {format}{' (not safe for spreadsheets)' if raw and format == 'csv' else ''}")


def report(run: o.RunArgument) -> None:
    """Write the run's page and print its path."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict

    print(verbs.report(run))
    print_verdict(f"reported: {run}")
