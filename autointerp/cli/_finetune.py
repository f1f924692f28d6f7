"""``autointerp finetune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Unpack

import typer

from autointerp._keywords import with_keywords
from autointerp.cli import _options as o

if TYPE_CHECKING:
    from autointerp.verbs import FinetuneReport


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="finetune")(run)


@with_keywords
def run(
    sae: Annotated[str, typer.Option("--sae", metavar="PATH", help="The SAE; it stays as it is.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="SAE", help="Folder for the new one.", show_default=False)],
    tune: Annotated[Literal["scale", "decoder"], typer.Option(help="One factor a feature, or all of W_dec.")] = "scale",
    b_dec: Annotated[bool, typer.Option("--b-dec/--no-b-dec", help="Tune b_dec as well.")] = False,
    method: Annotated[
        Literal["least-squares", "gradient"],
        typer.Option(help="In closed form, with d_sae x d_sae matrices, or in steps without."),
    ] = "least-squares",
    *,
    steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of the gradient. [the text once, at least 1000]")
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(metavar="RATE", help="The gradient's first learning rate. [0.01 of the size of what is tuned]"),
    ] = None,
    min_active: Annotated[
        int, typer.Option(min=1, metavar="N", help="Features that fire on fewer tokens stay as they are.")
    ] = 100,
    tokens: Annotated[
        int | None,
        typer.Option("--tokens", min=1, metavar="N", help="Tokens to read; a tenth is held out. [1000000]"),
    ] = None,
    device: o.DeviceOption = "cpu",
    as_json: o.JsonOption = False,
    **inputs: Unpack[o.InputOptions],
) -> None:
    """Tune an SAE's decoder with its encoder frozen, which undoes shrinkage, and measure it on held-out text."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict
    from autointerp.cli._progress import terminal_progress

    result = verbs.finetune(
        sae, out, tune=tune, b_dec=b_dec, method=method, n_steps=steps, lr=lr, min_active=min_active,
        n_tokens=tokens, device=device, progress=terminal_progress(), **inputs,
    )  # fmt: skip
    print(result.report.model_dump_json(indent=2) if as_json else result.folder)
    print_verdict(_verdict(result.report))


def _verdict(report: FinetuneReport) -> str:
    """``finetuned: scale on 900,000 tokens; on 50,000 held-out tokens: FVU 0.378 -> 0.301, ...``."""
    shown = [
        f"{words} {_figure(report.before[name], shape)} -> {_figure(report.after[name], shape)}"
        for name, (words, shape) in _SHOWN.items()
        if name in report.before
    ]
    what = f"b_dec and {report.tune}" if report.b_dec else report.tune
    return (
        f"finetuned: {what} of {report.n_tuned:,} of {report.n_features:,} features on {report.n_tokens:,} tokens; "
        f"on {report.n_held_out:,} held-out tokens: "
        f"{', '.join(shown)}; L0 {_figure(report.after['l0'], '.1f')} as before"
    )


def _figure(value: float | None, shape: str) -> str:
    return "n/a" if value is None else format(value, shape)


_SHOWN = {
    "fvu": ("FVU", ".3f"),
    "mse": ("MSE", ".3g"),
    "l2_ratio": ("L2 ratio", ".3f"),
    "cosine": ("cosine", ".3f"),
    "loss_recovered": ("loss recovered", ".3f"),
}
