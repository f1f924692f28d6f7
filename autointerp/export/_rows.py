"""The rows of an export: labels beside the statistics of their features, group by group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from autointerp.errors import UsageError
from autointerp.label import load_groups
from autointerp.run import RunDirectory, read_table


@dataclass(frozen=True)
class LabelRecord:
    """One selected feature in one group; the fields are the columns of ``labels.csv``, in their order."""

    feature: int
    """Row of the SAE's decoder."""
    group: str
    """The group it was selected for; a feature in two groups has two records."""
    label: str
    """What it fires on, or POLYSEMANTIC; empty without an answer."""
    verdict: str
    """MONOSEMANTIC, POLYSEMANTIC, or empty without an answer."""
    outcome: str
    """How the question ended (``ok``, ``refused``, ...); empty when it was not asked yet."""
    confidence: int | None
    """1 to 5, the labeler's own."""
    n_active: int | None
    """Tokens it fired on."""
    density: float | None
    """Share of tokens it fired on."""
    mean_activation: float | None
    """Over the tokens it fired on."""
    max_activation: float | None
    """The strongest of them."""
    selectivity: float | None
    """mean / ln(count + 1); None below the smallest count that is ranked."""
    rank: int | None
    """1 is the most selective."""
    duplicate_of: int | None
    """The feature it repeats, where there is one."""
    top_tokens: tuple[str, ...]
    """The most frequent peak tokens of its strongest windows."""
    reasoning: str
    """Why the labeler says so."""
    llm: str
    """Who labelled."""
    prompt: str
    """Name and hash of the prompt."""
    cost_usd: float | None
    """What the answer cost; None when the price is unknown."""


COLUMNS = tuple(field.name for field in fields(LabelRecord))
_STATISTICS = (
    "n_active", "density", "mean_activation", "max_activation", "selectivity", "rank", "duplicate_of", "top_tokens",
)  # fmt: skip


def label_records(run: RunDirectory) -> list[LabelRecord]:
    """Every selected feature of every group, labelled or not.

    Args:
        run: A run with labels.

    Returns:
        Groups in the manifest's order, features in the group's order.

    Raises:
        UsageError: The run has no features, no groups or no labels.
    """
    groups = load_groups(run)
    wanted = {feature for group in groups.values() for feature in group}
    statistics = rows_by_feature(run.features, ("feature", *_STATISTICS), wanted)
    labels = rows_by_feature(run.labels, None, wanted)
    return [
        _record(feature, name, labels.get(feature, {}), statistics.get(feature, {}))
        for name, group in groups.items()
        for feature in group
    ]


def rows_by_feature(path: Path, columns: Sequence[str] | None, wanted: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Some features' rows of one of the run's tables.

    Args:
        path: A Parquet file with a column ``feature``.
        columns: Which; None for all.
        wanted: Features.

    Raises:
        UsageError: There is no such file.
    """
    if not path.exists():
        raise UsageError(f"{path}: not there yet. Finish 'autointerp label --out {path.parent} --resume' first.")
    table = read_table(path, columns=columns, filters=pc.field("feature").isin(sorted(wanted)))
    return {row["feature"]: row for row in table.to_pylist()}


def _record(feature: int, group: str, label: Mapping[str, Any], statistics: Mapping[str, Any]) -> LabelRecord:
    answered = label.get("outcome") == "ok"
    verdict = (label.get("verdict") or "") if answered else ""
    text = "POLYSEMANTIC" if verdict == "POLYSEMANTIC" else label.get("label") or ""
    return LabelRecord(
        feature=feature,
        group=group,
        label=text if answered else "",
        verdict=verdict,
        outcome=label.get("outcome") or "",
        confidence=_whole(label.get("confidence")),
        n_active=_whole(statistics.get("n_active")),
        density=six_digits(statistics.get("density")),
        mean_activation=six_digits(statistics.get("mean_activation")),
        max_activation=six_digits(statistics.get("max_activation")),
        selectivity=six_digits(statistics.get("selectivity")),
        rank=_whole(statistics.get("rank")),
        duplicate_of=_whole(statistics.get("duplicate_of")),
        top_tokens=tuple(statistics.get("top_tokens") or ()),
        reasoning=label.get("reasoning") or "",
        llm=label.get("llm") or "",
        prompt=label.get("prompt") or "",
        cost_usd=_cost(label.get("cost_usd")),
    )


def six_digits(value: float | None) -> float | None:
    """Six significant digits: what a statistic over a sample of text is good for, and the same on every machine."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def _whole(value: float | None) -> int | None:
    return None if value is None or not math.isfinite(value) else int(value)


def _cost(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
