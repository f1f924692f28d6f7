"""``autointerp train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="train")(run)


def run(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to train, on what.", show_default=False)],
    out: Annotated[Path | None, typer.Option(metavar="SAE", help="Folder for the SAE. [CONFIG without .toml]")] = None,
) -> None:
    """Train an SAE on a subject model's activations, and save it in SAELens's format."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict
    from autointerp.cli._progress import terminal_progress

    trained = verbs.train(config, out, progress=terminal_progress())
    print(out or config.with_suffix(""))
    dead = trained.cfg.metadata.n_dead_train
    print_verdict(f"trained: d_in {trained.cfg.d_in}, d_sae {trained.cfg.d_sae}, {dead} dead at the end of training")
