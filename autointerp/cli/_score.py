"""``autointerp score``."""

from __future__ import annotations

from typing import Annotated, Unpack

import typer

from autointerp._keywords import with_keywords
from autointerp.cli import _options as o

ScorersOption = Annotated[
    str,
    typer.Option(
        "--scorers",
        metavar="NAMES",
        help="Besides detection: fuzzing (1 request a feature), simulation (2), intruder (10).",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="score")(run)


@with_keywords
def run(
    run: o.RunArgument,
    llm: o.LLMOption = None,
    scorers: ScorersOption = "detection",
    *,
    nulls: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="all, or some of shuffled_labels, shuffled_activations, random_directions, frozen_random_decoder, "
            "reinitialised_model, control.",
        ),
    ] = "shuffled_labels",
    null_features: Annotated[
        int | None, typer.Option(min=2, metavar="N", help="Features of a null run. [the random group's, at most 100]")
    ] = None,
    device: o.DeviceOption = "cpu",
    as_json: o.JsonOption = False,
    **options: Unpack[o.AskingOptions],
) -> None:
    """Judge the labels on text the labeler never saw; scores.csv and summary.json."""
    from autointerp import verbs
    from autointerp.cli._nulls_table import print_table
    from autointerp.cli._output import print_result, rates_line, read_summary
    from autointerp.cli._progress import terminal_progress

    verbs.score(
        run, llm=llm, scorers=scorers, nulls=nulls, null_features=null_features, device=device,
        progress=terminal_progress(), **options,
    )  # fmt: skip
    summary = read_summary(run)
    print_table(summary)
    verdict = rates_line(summary, ("label", "verified", "robust"))
    print_result(run, as_json=as_json, verdict=f"scored: {verdict}")
