"""Each rate of a run beside its nulls, as a table for stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

RATES = ("label", "verified", "robust")
Row = tuple[str, int, Mapping[str, Any]]


def print_table(summary: Mapping[str, Any]) -> None:
    """A row a group, below them a row a null, and the control; nothing for a summary without nulls."""
    nulls = null_rows(summary)
    if not nulls:
        return
    rows = [*((name, group["n"], group["rates"]) for name, group in summary["groups"].items()), *nulls]
    width = max(len(name) for name, _, _ in rows) + 2
    print(f"{'':<{width}}{'n':>5}  " + "".join(f"{rate:<22}" for rate in RATES).rstrip(), file=sys.stderr)
    for name, n, rates in rows:
        cells = "".join(f"{_cell(rates.get(rate)):<22}" for rate in RATES).rstrip()
        print(f"{name:<{width}}{n:>5}  {cells}", file=sys.stderr)


def null_rows(summary: Mapping[str, Any]) -> list[Row]:
    """Each null of a summary as name, number of features and rates: the shuffled labels first, the control last."""
    nulls = dict(summary.get("nulls") or {})
    shuffled = nulls.pop("shuffled", None)
    rows: list[Row] = []
    if shuffled:
        rows.append(("null shuffled_labels", shuffled["verified"]["n"], {"verified": shuffled["verified"]}))
    rows += [(name if name == "control" else f"null {name}", null["n"], null["rates"]) for name, null in nulls.items()]
    return rows


def _cell(rate: Mapping[str, Any] | None) -> str:
    """``62 % [52 %, 71 %]``; a dash where a null has no such rate."""
    if rate is None:
        return "-"
    return "n/a" if rate["rate"] is None else f"{rate['rate']:.0%} [{rate['low']:.0%}, {rate['high']:.0%}]"
