"""The findings as Markdown, for results and README."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from autointerp.score.nulls import CONTROL, NULLS
from benchmarks.label_rate_vs_truth._findings import CONTRASTS, KINDS, Json
from benchmarks.label_rate_vs_truth._labelers import ALWAYS, LABELERS, STRONGEST
from benchmarks.label_rate_vs_truth._make import TRAINED
from benchmarks.label_rate_vs_truth._points import CROSSED, ENDS, RANDOM, RATES

NAMES = {kind: kind.replace("_", " ") for kind in KINDS} | {
    TRAINED: "trained SAEs",
    CONTROL: "control: trained as nulls are",
    "reinitialised_model": "re-drawn model",
}
"""Of kinds, in tables and on the figure."""
SAID_BY = {
    "rules": "rules",
    STRONGEST: "rules, strongest contexts alone",
    ALWAYS: "always a label",
}
"""Of labelers."""
_CROSSED = dict(zip(CROSSED, ("label, verified", "label, not verified", "no label, verified", "no label"), strict=True))


def short_table(found: Json) -> str:
    """For README: features of all models together, all labelers side by side."""
    columns = [(labeler, rate) for labeler in LABELERS for rate in RATES if labeler == LABELERS[0] or rate != RATES[-1]]
    heads = ["random features of", *(f"{SAID_BY[labeler]}: {rate}" for labeler, rate in columns)]
    said = found["by_labeler"]
    rows = [
        [NAMES[kind], *(_percent(said[labeler]["rates"][kind]["all"][rate]) for labeler, rate in columns)]
        for kind in KINDS
    ]
    told = [said[labeler]["separation"]["any null run"][rate]["auroc"] for labeler, rate in columns]
    return _grid([heads, *rows, ["AUROC, trained SAEs against null runs", *map(_estimate, told)]])


def all_tables(found: Json, points: pd.DataFrame) -> str:
    """Everything, for results."""
    return "\n".join(_sections(found, points)) + "\n"


def _sections(found: Json, points: pd.DataFrame) -> Iterator[str]:
    yield "# Label rate and truth\n"
    yield (
        f"{', '.join(f'{n} SAEs on {model}' for model, n in found['n_saes'].items())}, and the nulls of each. Rates "
        "are shares of features with 95 % Wilson intervals, as if features stood alone. No LLM was asked. The rules "
        "labeler says POLYSEMANTIC where no short rule holds; shown the strongest contexts alone, and silent ones from "
        "random places, it sees about what the seed study's prompt shows; and one labeler always answers: it names the "
        "token at which most of the strongest contexts peak. All labels are judged by the same rules on held-out text. "
        "FVU is measured on the run's own text."
    )
    for labeler, one in found["by_labeler"].items():
        yield f"\n## Labels: {SAID_BY[labeler]}\n"
        yield "Random features, by what is not real:\n"
        yield _rates_table(one["rates"], "features of", NAMES)
        yield "\nTells trained SAEs from nulls: AUROC over SAEs, and the mean over SAEs of the difference of rates:\n"
        yield _separation_table(one["separation"])
        yield "\nBoth verdicts on the same features, counts:\n"
        yield _grid([
            ["random features of", *_CROSSED.values()],
            *([name, *(f"{cells[cell]:,}" for cell in CROSSED)] for name, cells in one["crossed"].items()),
        ])  # fmt: skip
        yield "\nThe seed study's selection and a random sample, of trained SAEs:\n"
        names = {ENDS: "top and bottom by selectivity", RANDOM: "random"}
        yield _rates_table(one["selection"], "features", names)
        yield "\nRank correlation of label rate and verified rate over trained SAEs:\n"
        models = list(one["correlation"])
        yield _grid([models, [_estimate(one["correlation"][model]) for model in models]])
        yield "\nOne rate for all trained SAEs, chi-square test:\n"
        yield _grid([list(RATES), [_test(one["one_rate_for_all"][rate]) for rate in RATES]])
    yield "\n## What the nulls are\n"
    yield from (f"- {NAMES[name]}: {said}" for name, said in NULLS.items())
    yield "\n## Every SAE and null\n"
    yield _grid([list(_COLUMNS), *_point_rows(points)])


_COLUMNS = ("model", "SAE", "kind", "labeler", "features", "d_sae", "L0", "FVU", *RATES)


def _point_rows(points: pd.DataFrame) -> Iterator[list[str]]:
    for row in points.to_dict("records"):
        rates = [{"k": row[f"{rate}_k"], "n": row[f"{rate}_n"]} for rate in RATES]
        yield [
            row["model"],
            row["sae"],
            NAMES[row["kind"]],
            row["labeler"],
            row["group"],
            f"{row['d_sae']}",
            f"{row['l0']:.1f}",
            "-" if pd.isna(row["fvu"]) else f"{row['fvu']:.3f}",
            *(f"{rate['k']}/{rate['n']}" for rate in rates),
        ]


def _rates_table(rates: Json, corner: str, names: Mapping[str, str]) -> str:
    models = list(next(iter(rates.values())))
    heads = [corner, *(f"{rate}, {model}" for model in models for rate in RATES)]
    rows = [
        [names[name], *(_rate(by_model[model][rate]) for model in models for rate in RATES)]
        for name, by_model in rates.items()
        if by_model["all"]["saes"]
    ]
    return _grid([heads, *rows])


def _separation_table(separation: Json) -> str:
    heads = ["null", *(f"{rate}: {what}" for rate in RATES for what in ("AUROC", "difference"))]
    rows = [
        [
            _contrast(name),
            *(_estimate(separation[name][rate][what]) for rate in RATES for what in ("auroc", "difference")),
        ]
        for name in CONTRASTS
    ]
    return _grid([heads, *rows])


def _contrast(name: str) -> str:
    null, comma, against = name.partition(",")
    return NAMES.get(null, null) + comma + against


def _rate(one: Json) -> str:
    return f"{one['k']}/{one['n']} = {_percent(one)}" if one["n"] else "-"


def _percent(one: Json) -> str:
    return f"{100 * one['rate']:.0f}% [{100 * one['low']:.0f}, {100 * one['high']:.0f}]" if one["n"] else "-"


def _estimate(one: Json | None) -> str:
    return "-" if one is None else f"{one['value']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"


def _test(one: Json | None) -> str:
    return "-" if one is None else f"chi2({one['df']}) = {one['chi2']:.1f}, p = {one['p']:g}"


def _grid(rows: Sequence[Sequence[Any]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
