"""``autointerp reliability``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from autointerp._keywords import with_keywords
from autointerp.cli import _options as o

if TYPE_CHECKING:
    from autointerp.score import Agreement, Reliability


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="reliability")(run)


@with_keywords
def run(
    run: o.RunArgument,
    samples: Annotated[int, typer.Option(min=2, help="Answers to each question, the run's own counted.")] = 3,
    features: Annotated[int, typer.Option(min=1, help="Features asked about again; pairs of near-duplicates.")] = 50,
    *,
    device: o.DeviceOption = "cpu",
    as_json: o.JsonOption = False,
    **options: Unpack[o.DeliveryOptions],
) -> None:
    """Ask labeler and judge again: agreement, A/A noise, near-duplicates; reliability.json."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict
    from autointerp.cli._progress import terminal_progress

    found = verbs.reliability(
        run, samples=samples, features=features, device=device, progress=terminal_progress(), **options
    )
    print(found.model_dump_json(indent=2) if as_json else "\n".join(_lines(found)))
    print_verdict(f"reliability: {_verdict(found)}")


def _lines(found: Reliability) -> list[str]:
    twins = found.twins
    lines = [] if found.deterministic else [
        f"{name:<9} alpha {_number(one.alpha)}, two answers differ {_mean(one.flip_rate)}, "
        f"any of {found.n_samples} differ {_rate(one.changed)}"
        for name, one in _verdicts(found).items()
    ]  # fmt: skip
    if not found.deterministic:
        lines.append(f"words that two labels of a feature share: {_mean(found.text_overlap)}")
    if not twins.n_pairs:
        return [*lines, "near-duplicates: none that fire often enough"]
    return [
        *lines,
        f"near-duplicates: same label verdict {_rate(twins.same_label_verdict)}",
        f"near-duplicates: same verified verdict {_rate(twins.same_verified)}",
        f"near-duplicates: words that two labels share {_mean(twins.text_overlap)}",
    ]


def _verdicts(found: Reliability) -> dict[str, Agreement]:
    return {"label": found.label, "verified": found.verified, "robust": found.robust}


def _verdict(found: Reliability) -> str:
    if found.deterministic:
        return "rules alone label and judge, so nothing flips"
    return f"{_mean(found.verified.flip_rate)} of verified verdicts flip when asked again"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"


def _mean(found: Mapping[str, float | int | None]) -> str:
    if found["mean"] is None:
        return "n/a"
    return f"{found['mean']:.1%} [{found['low']:.1%}, {found['high']:.1%}] (n = {found['n']})"


def _rate(found: Mapping[str, float | int | None]) -> str:
    if found["rate"] is None:
        return "n/a"
    return f"{found['k']}/{found['n']} = {found['rate']:.1%} [{found['low']:.1%}, {found['high']:.1%}]"
