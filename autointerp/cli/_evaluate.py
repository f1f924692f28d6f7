"""``autointerp evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autointerp.cli import _options as o

if TYPE_CHECKING:
    from autointerp.evaluate import Stored


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="evaluate")(run)


def run(
    sae: Annotated[
        list[str] | None,
        typer.Option(
            "--sae", metavar="PATH", help="The SAE; more of them, or a sweep's folder, for the suites that compare."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="RUN", help="Run directory. [runs/NAME]")] = None,
    suite: Annotated[list[str] | None, typer.Option(metavar="NAME,...", help="Suites to run. [all]")] = None,
    model: o.ModelOption = None,
    hook_point: o.HookOption = None,
    corpus: o.CorpusOption = None,
    column: o.ColumnOption = None,
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=1, metavar="N", help="Tokens to measure on. [200000]")
    ] = None,
    seed: o.SeedOption = None,
    keep_bos: o.KeepBosOption = None,
    device: o.DeviceOption = "cpu",
    threads: o.ThreadsOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Measure the SAE on its model: tables, figures and report.html in RUN/evaluate."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict
    from autointerp.cli._progress import terminal_progress

    results = verbs.evaluate(
        sae, out, suites=suite, model=model, hook_point=hook_point, corpus=corpus, column=column, n_tokens=tokens,
        seed=seed, keep_bos=keep_bos, device=device, threads=threads, progress=terminal_progress(),
    )  # fmt: skip
    if as_json:
        import json

        print(json.dumps([result.model_dump() for result in results], indent=2))
    else:
        for result in results:
            print("\n".join(_lines(result)))
    print_verdict(_verdict(results))


def _lines(result: Stored) -> list[str]:
    if result.not_measurable:
        return [f"{result.suite}: not measured. {result.not_measurable}"]
    return [
        f"{result.suite}: {number.name} = {_figure(number.value)} (standard error {_figure(number.standard_error)})"
        for number in result.numbers
    ]


def _figure(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4g}"


def _verdict(results: list[Stored]) -> str:
    measured = [result for result in results if not result.not_measurable]
    left_out = [result.suite for result in results if result.not_measurable]
    tail = f"; not measured: {', '.join(left_out)}" if left_out else ""
    return f"evaluated: {len(measured)} suite{'s' * (len(measured) != 1)}{tail}"
