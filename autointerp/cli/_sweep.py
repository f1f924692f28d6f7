"""``autointerp sweep``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autointerp.cli import _options as o

if TYPE_CHECKING:
    from autointerp.verbs import SweepResult

DEAD = ("threshold", "never", "train", "topk")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="sweep")(run)


def run(
    config: o.ConfigArgument,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the sweep. [runs/CONFIG]")] = None,
    resume: o.ResumeTrainingOption = False,
) -> None:
    """Train a grid of SAEs in one pass, label features of each, and compare dead features and rates."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict
    from autointerp.cli._progress import terminal_progress

    result = verbs.sweep(config, out, resume=resume, progress=terminal_progress())
    print(describe(result))
    print_verdict(_verdict(result))


def describe(result: SweepResult) -> str:
    """Dead features and label rates side by side, a line an SAE."""
    rows = result.table.to_dict("records")
    width = max(len(str(row["name"])) for row in rows) + 2
    dead = "".join(f"{kind:>10}" for kind in DEAD)
    lines = [
        f"{'':<{width}}{'':>22}  share of features that are dead: by threshold, never active, in training, in top-k",
        f"{'SAE':<{width}}{'d_sae':>7}{'FVU':>7}{'L0':>8}{dead}  {'label':<20}{'verified':<20}",
    ]
    for row in rows:
        measured = f"{row['d_sae']:>7}{_number(row['fvu'], '.3f'):>7}{_number(row['l0'], '.1f'):>8}"
        shares = "".join(f"{_number(row[f'dead_{kind}'] / row['d_sae'], '.1%'):>10}" for kind in DEAD)
        rates = "".join(f"{_rate(row, rate):<20}" for rate in ("label", "verified"))
        lines.append(f"{row['name']:<{width}}{measured}{shares}  {rates}")
    return "\n".join(line.rstrip() for line in lines)


def _number(value: float, form: str) -> str:
    return "n/a" if math.isnan(value) else format(value, form)


def _rate(row: Mapping[Any, Any], rate: str) -> str:
    if not row[f"{rate}_n"]:
        return "n/a"
    return f"{row[f'{rate}_rate']:.0%} [{row[f'{rate}_low']:.0%}, {row[f'{rate}_high']:.0%}]"


def _verdict(result: SweepResult) -> str:
    """``sweep: 16 SAEs; one label rate for all: chi2(15) = 8.1, p = 0.92; ...``."""
    tests = [
        f"one {rate} rate for all: chi2({test.df}) = {test.chi2:.1f}, p = {test.p:.2g}"
        for rate, test in result.homogeneity.items()
        if test is not None
    ]
    return "; ".join([f"sweep: {len(result.table)} SAEs", *tests])
