"""``autointerp label``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autointerp.cli import _options as o


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="label")(run)


def run(
    sae: o.SAEOption = None,
    out: Annotated[Path | None, typer.Option(metavar="RUN", help="Run directory. [runs/<SAE's name>]")] = None,
    llm: o.LLMOption = None,
    features: Annotated[
        str | None,
        typer.Option(metavar="GROUPS", help="E.g. top25,bottom25,random:200 or ids:3|17. [top25,bottom25,random:200]"),
    ] = None,
    base_url: o.BaseURLOption = None,
    max_cost: o.MaxCostOption = None,
    max_requests: o.MaxRequestsOption = None,
    max_connections: o.ConnectionsOption = None,
    rpm: o.RpmOption = None,
    tpm: o.TpmOption = None,
    cache: o.CacheOption = None,
    prices: o.PricesOption = None,
    requests_out: o.RequestsOutOption = None,
    replies_in: o.RepliesInOption = None,
    forget_batches: o.ForgetBatchesOption = False,
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
) -> None:
    """Label the features of an SAE: harvest, select, ask, keep every answer."""
    from autointerp import verbs
    from autointerp.cli._output import print_estimate, print_result, rates_line, read_summary
    from autointerp.cli._progress import terminal_progress
    from autointerp.run import default_run
    from autointerp.score import RunEstimate

    result = verbs.label(
        sae, out, llm=llm, features=features, base_url=base_url, max_cost_usd=max_cost, max_requests=max_requests,
        max_connections=max_connections, requests_per_minute=rpm, tokens_per_minute=tpm, cache=cache, prices=prices,
        requests_out=requests_out, replies_in=replies_in, forget_batches=forget_batches, dry_run=dry_run, model=model,
        hook_point=hook_point, corpus=corpus, column=column, n_tokens=tokens, seed=seed, keep_bos=keep_bos,
        device=device, threads=threads, resume=resume, progress=terminal_progress(),
    )  # fmt: skip
    if isinstance(result, RunEstimate):
        print_estimate(result, as_json=as_json)
        return
    folder = out if out is not None else default_run("run" if sae is None else sae)
    print_result(folder, as_json=as_json, verdict=f"labelled: {rates_line(read_summary(folder), ('label',))}")
