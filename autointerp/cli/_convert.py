"""``autointerp convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="convert")(run)


def run(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Folder of SAELens, dictionary_learning or sparsify, or of a stack; OpenAI's .pt or the study's .pth "
            "file; org/repo or org/repo/path on the hub; release:id in SAELens's registry.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the SAE.", show_default=False)],
) -> None:
    """Write an SAE of any known format as a SAELens folder, and print the folder."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict

    cfg = verbs.convert(source, out).cfg
    print(out)
    where = f"{cfg.metadata.hook_name or 'unknown hook point'} of {cfg.metadata.model_name or 'unknown model'}"
    print_verdict(f"converted: {cfg.architecture}, d_in {cfg.d_in}, d_sae {cfg.d_sae}, {where}")
