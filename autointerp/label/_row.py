"""``labels.parquet``: one row a feature, also for failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import pandas as pd
import pyarrow as pa

from autointerp.run import RunDirectory, read_frame, read_rows, write_rows

_SCHEMA = pa.schema(
    [
        ("feature", pa.int64()),
        ("label", pa.string()),
        ("verdict", pa.string()),
        ("outcome", pa.string()),
        ("confidence", pa.int64()),
        ("reasoning", pa.string()),
        ("evidence", pa.list_(pa.int64())),
        ("rule", pa.string()),
        ("llm", pa.string()),
        ("prompt", pa.string()),
        ("cost_usd", pa.float64()),
        ("tokens_in", pa.int64()),
        ("tokens_out", pa.int64()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class LabelRow:
    """One feature's label, or why there is none."""

    feature: int
    outcome: str
    """An ``llm.Outcome``; everything but ``ok`` leaves the label empty."""
    llm: str
    """Who labelled: ``rules`` or a provider line."""
    prompt: str
    """Name and content hash of the prompt."""
    label: str = ""
    """2 to 8 words, or the word POLYSEMANTIC."""
    verdict: str | None = None
    """MONOSEMANTIC or POLYSEMANTIC."""
    confidence: int | None = None
    """1 (a guess) to 5 (certain)."""
    reasoning: str = ""
    evidence: list[int] = field(default_factory=list)
    """Numbers, from 1, of contexts in the feature's explain split as ``load_contexts`` orders them."""
    rule: str | None = None
    """The rule as JSON, when the rules labeler made the label."""
    cost_usd: float | None = 0.0
    """None where the price is unknown."""
    tokens_in: int = 0
    tokens_out: int = 0
    reason: str = ""
    """Why there is no label; empty with ``ok``."""


def write_labels(run: RunDirectory, rows: Sequence[LabelRow], *, on_change: Callable[[], None] | None = None) -> None:
    """Replace ``labels.parquet`` atomically; the same rows give the same bytes.

    Args:
        run: Where.
        rows: In any order; written by ascending feature.
        on_change: Called just before other labels take the place of those that are there.
    """
    ordered = [asdict(row) for row in sorted(rows, key=lambda row: row.feature)]
    write_rows(run.labels, ordered, _SCHEMA, on_change=on_change)


def load_labels(run: RunDirectory) -> pd.DataFrame:
    """``labels.parquet`` with its nulls as nulls.

    Raises:
        UsageError: Nothing was labelled yet.
    """
    return read_frame(run.labels, missing=_none_yet(run))


def load_label_rows(run: RunDirectory) -> list[LabelRow]:
    """``labels.parquet`` as rows, by ascending feature.

    Raises:
        UsageError: Nothing was labelled yet.
    """
    return read_rows(run.labels, LabelRow, missing=_none_yet(run))


def _none_yet(run: RunDirectory) -> str:
    return f"{run.path}: no labels yet. Finish 'autointerp label --out {run.path} --resume' first."
