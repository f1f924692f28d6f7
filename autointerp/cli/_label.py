"""``autointerp label``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Unpack

import typer

from autointerp._keywords import with_keywords
from autointerp.cli import _options as o


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="label")(run)


@with_keywords
def run(
    sae: o.SAEOption = None,
    out: Annotated[Path | None, typer.Option(metavar="RUN", help="Run directory. [runs/<SAE's name>]")] = None,
    llm: o.LLMOption = None,
    features: Annotated[
        str | None,
        typer.Option(metavar="GROUPS", help="E.g. top25,bottom25,random:200 or ids:3|17. [top25,bottom25,random:200]"),
    ] = None,
    *,
    dry_run: o.DryRunOption = False,
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
    as_json: o.JsonOption = False,
    **options: Unpack[o.AskingOptions],
) -> None:
    """Label the features of an SAE: harvest, select, ask, keep every answer."""
    from autointerp import verbs
    from autointerp.cli._output import print_estimate, print_result, rates_line, read_summary
    from autointerp.cli._progress import terminal_progress
    from autointerp.run import default_run
    from autointerp.score import RunEstimate

    result = verbs.label(
        sae, out, llm=llm, features=features, dry_run=dry_run, model=model, hook_point=hook_point, corpus=corpus,
        column=column, n_tokens=tokens, seed=seed, keep_bos=keep_bos, device=device, threads=threads, resume=resume,
        progress=terminal_progress(), **options,
    )  # fmt: skip
    if isinstance(result, RunEstimate):
        print_estimate(result, as_json=as_json)
        return
    folder = out if out is not None else default_run("run" if sae is None else sae)
    print_result(folder, as_json=as_json, verdict=f"labelled: {rates_line(read_summary(folder), ('label',))}")
