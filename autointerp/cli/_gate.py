"""``autointerp baseline`` and ``autointerp gate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from autointerp.cli import _options as o


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(name="baseline")(baseline)
    app.command(name="gate")(gate)


def baseline(run: o.RunArgument) -> None:
    """Print a scored run as a baseline for later gates (redirect it to a file)."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict

    made = verbs.baseline(run)
    print(made.model_dump_json(indent=1))
    print_verdict(f"baseline: {len(made.features)} features in {', '.join(made.groups)}")


def gate(
    run: o.RunArgument,
    baseline: Annotated[Path, typer.Option(metavar="FILE", help="What 'baseline' printed.", show_default=False)],
    margin: Annotated[float, typer.Option(min=0.0, max=1.0, help="How far the rate may fall.")] = 0.05,
    min_rate: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, metavar="RATE", help="What the rate must reach in any case.")
    ] = None,
    rate: Annotated[Literal["label", "verified", "robust"], typer.Option(help="Which rate.")] = "verified",
    group: Annotated[str | None, typer.Option(help="Which features. [the baseline's random group]")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the verdict as JUnit XML.")] = None,
    as_json: o.JsonOption = False,
) -> None:
    """Fail (exit 3) when a run's rate is worse than the baseline's."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict

    result = verbs.gate(run, baseline, margin=margin, min_rate=min_rate, rate=rate, group=group, junit=junit)
    if as_json:
        print(result.to_json())
    for warning in result.warnings:
        print(warning, file=sys.stderr)
    print_verdict(result.verdict_line())
    raise typer.Exit(result.exit_code)
