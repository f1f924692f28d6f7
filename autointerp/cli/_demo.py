"""``autointerp demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="demo")(run)


def run(
    out: Annotated[Path, typer.Option(help="Run directory of the demo.")] = Path("runs/demo"),
) -> None:
    """Train an SAE on the bundled model and label, score and show its features: no key, no network."""
    from autointerp import verbs
    from autointerp.cli._demo_text import describe
    from autointerp.cli._output import print_verdict, rates_line, read_summary
    from autointerp.cli._progress import terminal_progress

    result = verbs.demo(out, progress=terminal_progress())
    print(describe(result))
    summary = read_summary(result.run)
    print_verdict(f"demo: {rates_line(summary, ('label', 'verified', 'robust'))}")
