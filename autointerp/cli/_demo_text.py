"""What the demo prints when it is done: rates beside their null, some labels, and where everything lies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autointerp.cli._nulls_table import RATES, null_rows
from autointerp.cli._output import read_summary

if TYPE_CHECKING:
    from autointerp.verbs import DemoResult

_EXAMPLES = 12


def describe(result: DemoResult) -> str:
    """The demo's account of itself, as lines of text."""
    summary: Mapping[str, Any] = read_summary(result.run)
    rows = [(name, group["n"], group["rates"]) for name, group in summary["groups"].items()]
    nulls = null_rows(summary)
    width = max(len(name) for name, _, _ in [*rows, *nulls]) + 2
    lines = [
        (
            f"SAE at {summary['hook_point']} of the {summary['model']} model: {summary['n_features']} features, "
            f"{summary['n_alive']} alive on {summary['n_tokens']:,} tokens"
        ),
        _fit(result),
        "",
        f"{'group':<{width}}{'n':>5}  {'label':<25}{'verified':<25}{'robust':<25}".rstrip(),
    ]
    for name, n, rates in [*rows, *nulls]:
        cells = "".join(f"{_cell(rates.get(rate)) if rate in rates else '':<25}" for rate in RATES)
        lines.append(f"{name:<{width}}{n:>5}  {cells}".rstrip())
    if nulls:
        lines.append("(null shuffled_labels: every label exchanged for another feature's, and judged the same way)")
    lines += ["", "Some labels of the random group, best first:"]
    lines += [f"  {row}" for row in _examples(result, summary)]
    lines += [
        "",
        f"labels   {result.run / 'labels.csv'}",
        f"scores   {result.run / 'scores.csv'}",
        f"summary  {result.run / 'summary.json'}",
        f"page     {result.page}",
    ]
    return "\n".join(lines)


def _fit(result: DemoResult) -> str:
    """How well the SAE reconstructs, without which a rate says little."""
    last = json.loads((result.run / "sae" / "training.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    fvu, l0 = f"FVU {last['fvu']:.2f} (variance not explained)", f"L0 {last['l0']:.1f} (features a token)"
    return f"at the end of its training: {fvu}, {l0}"


def _cell(rate: Mapping[str, Any] | None) -> str:
    if not rate or rate["rate"] is None:
        return "n/a"
    return f"{rate['rate']:.0%} [{rate['low']:.0%}, {rate['high']:.0%}]"


def _examples(result: DemoResult, summary: Mapping[str, Any]) -> list[str]:
    """Evenly spaced over the scored labels, so that good and bad ones show."""
    import pandas as pd

    from autointerp.harvest import load_features
    from autointerp.run import RunDirectory

    run = RunDirectory(result.run)
    group = next((name for name in summary["groups"] if name.startswith("random")), None)
    chosen = run.read_manifest().config["groups"]
    assert isinstance(chosen, dict)
    joined = result.labels.merge(result.scores[["feature", "balanced_accuracy", "verified"]], on="feature")
    joined = joined.merge(load_features(run)[["feature", "top_tokens"]], on="feature")
    joined = joined[joined["feature"].isin(chosen.get(group, [])) & (joined["outcome"] == "ok")]
    joined = joined.sort_values(["balanced_accuracy", "feature"], ascending=[False, True], na_position="last")
    step = max(1, len(joined) // _EXAMPLES)
    rows: list[str] = []
    for row in joined.iloc[::step].head(_EXAMPLES).to_dict("records"):
        balanced = row["balanced_accuracy"]
        score = "   -" if pd.isna(balanced) else f"{balanced:.2f}"
        mark = "verified" if row["verified"] is True or row["verified"] == 1 else ""
        tokens = " ".join(repr(token) for token in list(row["top_tokens"])[:3])
        rows.append(f"{row['feature']:>5}  {score}  {mark:<9} {str(row['label'])[:44]:<45} {tokens}")
    return rows
