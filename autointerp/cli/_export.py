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
    format: Annotated[Literal["csv", "jsonl", "html"], typer.Option(help="File format.")] = "csv",  # noqa: A002
    out: Annotated[
        Path | None, typer.Option(metavar="FILE|DIR", help="Where to. [labels.<format>, or html/, in the run]")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Don't make cells safe for spreadsheets.")] = False,
    one_file: Annotated[bool, typer.Option("--one-file", help="With html: one page that needs nothing else.")] = False,
) -> None:
    """Write the labels in another format, or the run as pages to look at; print the file's path."""
    from autointerp import verbs
    from autointerp.cli._progress import terminal_progress

    print(verbs.export(run, format, out=out, raw=raw, one_file=one_file, progress=terminal_progress()))


def report(run: o.RunArgument) -> None:
    """Write the run's page and print its path."""
    from autointerp import verbs

    print(verbs.report(run))
