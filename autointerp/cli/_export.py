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
        Literal["csv", "jsonl", "neuronpedia", "hf", "junit", "markdown", "delphi"], typer.Option(help="What to write.")
    ] = "csv",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE|DIR", help="Where to. [the format's own name in the run directory]")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="csv: don't make cells safe for spreadsheets.")] = False,
    device: o.DeviceOption = "cpu",
) -> None:
    """Write the labels in another format, and print the path of the file or folder."""
    from autointerp import verbs
    from autointerp.cli._progress import terminal_progress

    print(verbs.export(run, format, out=out, raw=raw, device=device, progress=terminal_progress()))


def report(run: o.RunArgument) -> None:
    """Write the run's page and print its path."""
    from autointerp import verbs

    print(verbs.report(run))
