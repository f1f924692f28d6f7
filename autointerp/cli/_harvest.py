"""``autointerp harvest``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Unpack

import typer

from autointerp._keywords import with_keywords
from autointerp.cli import _options as o


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="harvest")(run)


@with_keywords
def run(
    out: Annotated[Path, typer.Option(metavar="RUN", help="Run directory.", show_default=False)],
    sae: o.SAEOption = None,
    *,
    tokens: o.TokensOption = None,
    device: o.DeviceOption = "cpu",
    resume: o.ResumeOption = False,
    **inputs: Unpack[o.InputOptions],
) -> None:
    """Run model and SAE over the corpus once: statistics and pointers for every feature."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict
    from autointerp.cli._progress import terminal_progress

    features = verbs.harvest(
        sae, out, n_tokens=tokens, device=device, resume=resume, progress=terminal_progress(), **inputs
    )
    print(out)
    dead = {name: int(features[name].sum()) for name in ("dead_never", "dead_threshold", "dead_topk")}
    print_verdict(
        f"harvested: {len(features)} features; never active {dead['dead_never']}, never above the threshold "
        f"{dead['dead_threshold']}, never among a token's 25 largest {dead['dead_topk']}"
    )
