"""``autointerp retry``."""

from __future__ import annotations

from typing import Annotated, Unpack

import typer

from autointerp._keywords import with_keywords
from autointerp.cli import _options as o


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="retry")(run)


@with_keywords
def run(
    run: o.RunArgument,
    only: Annotated[
        str,
        typer.Option(metavar="OUTCOMES", help="Which: error, invalid, truncated, refused, filtered; commas between."),
    ] = "error,invalid,truncated",
    *,
    dry_run: o.DryRunOption = False,
    as_json: o.JsonOption = False,
    **options: Unpack[o.SpendingOptions],
) -> None:
    """Ask again what ended without a usable answer; labels.csv, scores.csv and summary.json are written anew."""
    from autointerp import verbs
    from autointerp.cli._output import print_estimate, print_result, rates_line, read_summary
    from autointerp.cli._progress import terminal_progress
    from autointerp.score import RunEstimate

    result = verbs.retry(
        run, only=only, dry_run=dry_run, progress=terminal_progress(), **options,
    )  # fmt: skip
    if isinstance(result, RunEstimate):
        print_estimate(result, as_json=as_json)
        return
    if result.n_labels + result.n_judgements == 0:
        print_result(run, as_json=as_json, verdict=f"nothing to retry: no request ended in {only}")
        return
    rates = rates_line(read_summary(run), ("label", "verified", "robust"))
    asked = f"{result.n_labels} labels and {result.n_judgements} judgements asked again"
    print_result(run, as_json=as_json, verdict=f"retried: {asked}; {rates}")
