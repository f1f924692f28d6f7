"""The figures as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.ground_truth._wrong_labels import EXTRA, KINDS, MISSING, NOISE

Figures = Mapping[str, Any]


def show(figures: Figures) -> str:
    """All tables of one run."""
    return "\n".join(_lines(figures))


def _lines(figures: Figures) -> Iterator[str]:
    yield (
        f"== {figures['corpus']}: {figures['n_features']} features on {figures['n_tokens']:,} tokens; "
        f"{figures['n_predicates']} predicates of {figures['n_kinds']} kinds, {figures['n_inside']} of them inside the "
        f"rules grammar; labels by {figures['labeler']}, judged by {figures['judge']}"
    )
    yield "\nAccuracy of POLYSEMANTIC, k/n [95 % interval]; 'all' is single meanings inside the grammar, unions, noise"
    yield from _table("noise", figures["verdicts"])
    for reach, levels in figures["single"].items():
        yield f"\nSingle meanings {reach} the grammar"
        yield from _table("noise", levels)
    yield "\nSingle meanings by kind, at 5 % false firings"
    yield from _table("kind", figures["kinds"])
    yield "\nUnions called POLYSEMANTIC, by mixing weights"
    mixes = {mix: {noise: one["polysemantic"] for noise, one in by.items()} for mix, by in figures["unions"].items()}
    yield from _table("mix", mixes)
    yield "\nSecond meaning in the weakest tenth only"
    yield from _table("noise", figures["bottom"])
    yield f"\nNoise called POLYSEMANTIC: {_cell(figures['noise']['polysemantic'])}"
    position, twin = figures["position"].values()
    yield f"Position 0: {position['left in statistics']} of {position['planted']} left in the statistics"
    yield f"Position twins: {twin['left after duplicates']} of {twin['planted']} left after near-duplicates"
    for stratum, one in figures["passed_over"].items():
        yield f"Held-out {stratum}: {_percent(one['share'])} of the activations have a stronger one in their slice"
    claimed = (f"{noise} {_percent(one['share'])}" for noise, one in figures["hard_negatives"].items())
    yield f"Hard negatives of single meanings in which the meaning holds: {', '.join(claimed)}"
    if figures["judge_auc"] is not None:
        yield f"The judge's balanced accuracy, labels against shuffled labels: AUC {figures['judge_auc']:.3f}"
    yield from _ranking(figures["ranking"])
    if figures["judged"]:
        yield from _judged(figures["judged"])


def _judged(judged: Figures) -> Iterator[str]:
    kinds = [key.removeprefix("auc, ") for key in next(iter(judged["scorers"].values())) if key.startswith("auc, ")]
    yield f"\n{judged['llm']} as a judge of right and wrong labels: AUC"
    rows = [
        [
            name,
            f"{one['n']}",
            f"{one['missing']}",
            *(_number(one[key]) for key in ("auc", *(f"auc, {k}" for k in kinds))),
        ]
        for name, one in judged["scorers"].items()
    ]
    yield from _grid([["scorer", "answers", "missing", "all", *kinds], *rows])
    follows = (f"{kind} {_number(value)}" for kind, value in judged["follows"].items())
    yield f"Its answers against where each label's own meaning holds, balanced accuracy: {', '.join(follows)}"


def _ranking(ranking: Figures) -> Iterator[str]:
    yield (
        f"\nScorers, right labels against wrong ones ({ranking['n']} features, {ranking['n_rare']} of them rare, "
        "judged without mistakes): AUC, and how often the score falls"
    )
    heads = ["scorer", "all", *KINDS, NOISE, "falls: half", "falls: twice", "rare", "passes"]
    rows = [
        [
            name,
            *(_number(one[f"auc, {kind}"] if kind else one["auc"]) for kind in ("", *KINDS, NOISE)),
            *(_percent(one[f"falls, {kind}"]) for kind in (MISSING, EXTRA, f"{EXTRA}, rare")),
            {True: "yes", False: "no", None: "-"}[one["passes"]],
        ]
        for name, one in sorted(ranking["scorers"].items(), key=lambda item: -(item[1]["auc"] or 0))
    ]
    yield from _grid([heads, *rows])


def _table(corner: str, rows: Mapping[str, Mapping[str, Figures]]) -> Iterator[str]:
    heads = list(next(iter(rows.values())))
    yield from _grid([[corner, *heads], *([name, *map(_cell, row.values())] for name, row in rows.items())])


def _grid(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cell(one: Figures) -> str:
    if not one["n"]:
        return "-"
    return f"{one['k']}/{one['n']} {100 * one['share']:.0f} % [{100 * one['low']:.0f}-{100 * one['high']:.0f}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"
