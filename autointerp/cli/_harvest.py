"""``autointerp harvest``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autointerp.cli import _options as o


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="harvest")(run)


def run(
    out: Annotated[Path, typer.Option(metavar="RUN", help="Run directory.", show_default=False)],
    sae: o.SAEOption = None,
    model: o.ModelOption = None,
    hook_point: o.HookOption = None,
    corpus: o.CorpusOption = None,
    column: o.ColumnOption = None,
    tokens: o.TokensOption = None,
    seed: o.SeedOption = None,
    keep_bos: o.KeepBosOption = None,
    device: o.DeviceOption = "cpu",
    threads: o.ThreadsOption = None,
    resume: o.ResumeOption = False,
) -> None:
    """Run model and SAE over the corpus once: statistics and pointers for every feature."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict
    from autointerp.cli._progress import terminal_progress

    features = verbs.harvest(
        sae, out, model=model, hook_point=hook_point, corpus=corpus, column=column, n_tokens=tokens, seed=seed,
        keep_bos=keep_bos, device=device, threads=threads, resume=resume, progress=terminal_progress(),
    )  # fmt: skip
    print(out)
    dead = {name: int(features[name].sum()) for name in ("dead_never", "dead_threshold", "dead_topk")}
    print_verdict(
        f"harvested: {len(features)} features; never active {dead['dead_never']}, never above the threshold "
        f"{dead['dead_threshold']}, never among a token's 25 largest {dead['dead_topk']}"
    )
