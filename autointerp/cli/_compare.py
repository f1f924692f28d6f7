"""``autointerp compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from autointerp._keywords import with_keywords
from autointerp.cli import _options as o

if TYPE_CHECKING:
    from autointerp.evaluate import Stored
    from autointerp.verbs import ComparisonResult


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="compare")(run)


@with_keywords
def run(
    a: Annotated[str, typer.Argument(metavar="A", help="The SAE under study.", show_default=False)],
    b: Annotated[
        str,
        typer.Argument(metavar="B", help="The other; for connections, at the same place or later.", show_default=False),
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the results. [runs/compare-A-B]")] = None,
    seed_of_a: Annotated[
        list[str] | None,
        typer.Option("--seed-of-a", metavar="PATH", help="An SAE trained as A was from another seed; repeat for more."),
    ] = None,
    drop_dead: Annotated[
        bool, typer.Option("--drop-dead", help="Leave out features that an SAE says were dead in training.")
    ] = False,
    stable_above: Annotated[
        float, typer.Option(min=-1, max=1, metavar="COSINE", help="In a seed: largest cosine above this.")
    ] = 0.9,
    absent_below: Annotated[
        float, typer.Option(min=-1, max=1, metavar="COSINE", help="Absent in B: largest cosine below this.")
    ] = 0.5,
    connections: Annotated[
        bool, typer.Option("--connections", help="Also fit a sparse map from A's features to B's; reads text.")
    ] = False,
    alpha: Annotated[
        float, typer.Option(metavar="ALPHA", help="The map's L1 penalty, where features have variance 1.")
    ] = 0.02,
    max_features: Annotated[
        int, typer.Option(min=1, metavar="N", help="Most frequent features of each SAE in the map.")
    ] = 2048,
    *,
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=1, metavar="N", help="Tokens for the map. [200000]")
    ] = None,
    device: o.DeviceOption = "cpu",
    as_json: o.JsonOption = False,
    **text: Unpack[o.TextOptions],
) -> None:
    """Put two SAEs side by side: shared directions, chance, other seeds, and connections; writes DIR/compare."""
    from autointerp import verbs
    from autointerp.cli._output import print_verdict
    from autointerp.cli._progress import terminal_progress

    result = verbs.compare(
        a, b, out, seeds_of_a=seed_of_a or (), drop_dead=drop_dead, stable_above=stable_above,
        absent_below=absent_below, connections=connections, alpha=alpha, max_features=max_features,
        n_tokens=tokens, device=device, progress=terminal_progress(), **text,
    )  # fmt: skip
    if as_json:
        import json

        found = {"directions": result.directions, "connections": result.connections}
        shown = {name: one.model_dump() for name, one in found.items() if one is not None}
        print(json.dumps({"folder": str(result.folder), **shown}, indent=2))
    else:
        print(result.folder)
    print_verdict(_verdict(result))


def _verdict(result: ComparisonResult) -> str:
    line = (
        f"compared: above cosine 0.9 {_value(result.directions, 'a_in_b_share_above_0_9', '.1%')} of A in B and "
        f"{_value(result.directions, 'b_in_a_share_above_0_9', '.1%')} of B in A; "
        f"matched one-to-one {_value(result.directions, 'matched_mean', '.3f')}"
    )
    if result.connections is None:
        return line
    if result.connections.not_measurable:
        return f"{line}; connections not measured: {result.connections.not_measurable}"
    return f"{line}; connections explain R2 {_value(result.connections, 'r2_median', '.3f')} of a feature (median)"


def _value(stored: Stored, name: str, shape: str) -> str:
    """A number with its standard error."""
    number = next(number for number in stored.numbers if number.name == name)
    parts = (number.value, number.standard_error)
    return " +- ".join("n/a" if part is None else format(part, shape) for part in parts)
