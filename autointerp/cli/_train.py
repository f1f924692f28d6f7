"""``autointerp train``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autointerp.cli import _options as o

if TYPE_CHECKING:
    from sae import SAE


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="train")(run)


def run(
    config: o.ConfigArgument,
    out: Annotated[Path | None, typer.Option(metavar="SAE", help="Folder for the SAE. [CONFIG without .toml]")] = None,
    resume: o.ResumeTrainingOption = False,
) -> None:
    """Train an SAE, or with [[stages]] several in a row, on a subject model's activations, save it, and evaluate it."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict
    from autointerp.cli._progress import terminal_progress
    from autointerp.train import EVALUATION_FILE

    trained = verbs.train(config, out, resume=resume, progress=terminal_progress())
    folder = out or config.with_suffix("")
    print(folder)
    file = folder / EVALUATION_FILE
    print_verdict(_verdict(trained, json.loads(file.read_text(encoding="utf-8")) if file.exists() else None))


def _verdict(trained: SAE, evaluation: Mapping[str, Any] | None) -> str:
    """``trained: d_in 192, d_sae 768; on 50,000 held-out tokens: FVU 0.383, L0 4.6, ...``."""
    sizes = f"trained: {_stages(trained, evaluation)}d_in {trained.cfg.d_in}, d_sae {trained.cfg.d_sae}"
    if evaluation is None:
        return f"{sizes}, {trained.cfg.metadata.n_dead_train} dead at the end of training"
    where = "held-out tokens" if evaluation["held_out"] else "tokens it was trained on (in-sample)"
    dead, median = evaluation["dead"], evaluation["density"]["median"]
    density = "" if median is None else f", median density {median:.1e}"
    return (
        f"{sizes}; on {evaluation['n_tokens']:,} {where}: FVU {evaluation['fvu']:.3f}, L0 {evaluation['l0']:.1f}, MSE "
        f"{evaluation['mse']:.3g}, cosine {evaluation['cosine']:.3f}, L2 ratio {evaluation['l2_ratio']:.3f}{density}; "
        f"dead: {dead['train_window']} at the end of training, {dead['threshold']} never above "
        f"{dead['threshold_value']}, {dead['never']} never active"
    )


def _stages(trained: SAE, evaluation: Mapping[str, Any] | None) -> str:
    """``2 stages (96 + 192 features; FVU 0.512 -> 0.383, L0 2.1 -> 4.6), ``; nothing for one SAE."""
    widths = trained.cfg.metadata.extra.get("stack_widths")
    if trained.cfg.architecture != "stacked" or widths is None:
        return ""
    reached = (
        ""
        if evaluation is None
        else "; "
        + ", ".join(
            f"{title} {' -> '.join(format(stage[name], digits) for stage in evaluation['stages'])}"
            for title, name, digits in (("FVU", "fvu", ".3f"), ("L0", "l0", ".1f"))
        )
    )
    return f"{len(widths)} stage{'s'[: len(widths) > 1]} ({' + '.join(map(str, widths))} features{reached}), "
