"""``listing.json``: all features in columns, small enough to be read before anything else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from autointerp.view._opened import Opened
from autointerp.view._run_page import SCHEMA_VERSION

_DIGITS = 3
_STATISTICS = ("n_active", "max_activation", "selectivity", "rank")
_LABEL = ("label", "verdict", "outcome", "confidence")
_SCORE = (
    "balanced_accuracy", "ba_low", "verified", "robust", "bottom_verdict", "beyond_token", "shuffled_ba",
    "floor_token_identity", "fuzzing_ba", "intruder_accuracy", "simulation_pearson",
)  # fmt: skip


def listing(opened: Opened) -> dict[str, Any]:
    """All features.

    Args:
        opened: The run.

    Returns:
        ``columns`` holds one of these a column: a list; ``{"index": [...], "value": [...]}`` where few rows have a
        value; ``{"codes": [...], "values": [...]}`` where few values repeat; ``{"column": name, "times": number}``
        where it is another column's multiple; and for ``feature`` the word ``"range"``, where ids are row numbers.
    """
    frame = opened.features
    ids = [int(feature) for feature in frame["feature"]]
    columns: dict[str, Any] = {"feature": "range" if ids == list(range(len(ids))) else ids}
    for name in _STATISTICS:
        columns[name] = [_figure(value) for value in frame[name]]
    columns["density"] = {"column": "n_active", "times": _share_of_one_token(opened)}
    columns["top_token"] = _compact([tokens[0] if tokens else None for tokens in frame["top_tokens"]])
    columns["duplicate_of"] = _compact([_figure(value) for value in frame["duplicate_of"]])
    for name in _LABEL:
        columns[name] = _compact([getattr(opened.labels.get(feature), name, None) for feature in ids])
    for name in _SCORE:
        columns[name] = _compact([_figure(getattr(opened.scores.get(feature), name, None)) for feature in ids])
    columns["groups"] = _compact(_memberships(opened, ids))
    return {"schema": SCHEMA_VERSION, "n": len(ids), "columns": columns}


def _share_of_one_token(opened: Opened) -> float:
    """What a feature's density grows by with each token that it is active on: one, of all that were counted."""
    n_active, density = max(zip(opened.features["n_active"], opened.features["density"], strict=True))
    return float(density) / n_active if n_active else 0.0


def _memberships(opened: Opened, ids: Sequence[int]) -> list[list[int] | None]:
    of: dict[int, list[int]] = {}
    for number, members in enumerate(opened.groups.values()):
        for feature in members:
            of.setdefault(feature, []).append(number)
    return [of.get(feature) for feature in ids]


def _compact(column: list[Any]) -> list[Any] | dict[str, list[Any]]:
    """A column that is mostly empty as its rows and values, one that repeats itself as codes of its values."""
    index = [row for row, value in enumerate(column) if value is not None]
    if 2 * len(index) < len(column):
        return {"index": index, "value": [column[row] for row in index]}
    if isinstance(column[index[0]] if index else None, str | bool):
        values = list(dict.fromkeys(column[row] for row in index))
        code = {value: number for number, value in enumerate(values)}
        return {"codes": [code.get(value) for value in column], "values": values}
    return column


def _figure(value: Any) -> Any:
    """A number in three significant digits, None where it is not finite; what is no such number stays."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
