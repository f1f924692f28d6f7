"""A labelled run without any of the machinery that makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autointerp.run import Manifest, RunDirectory

FEATURES = pa.schema([
    ("feature", pa.int64()), ("n_active", pa.int64()), ("density", pa.float64()), ("mean_activation", pa.float32()),
    ("max_activation", pa.float32()), ("selectivity", pa.float64()), ("rank", pa.int64()), ("duplicate_of", pa.int64()),
    ("top_tokens", pa.list_(pa.string())),
])  # fmt: skip
LABELS = pa.schema([
    ("feature", pa.int64()), ("label", pa.string()), ("verdict", pa.string()), ("outcome", pa.string()),
    ("confidence", pa.int64()), ("reasoning", pa.string()), ("llm", pa.string()), ("prompt", pa.string()),
    ("cost_usd", pa.float64()),
])  # fmt: skip
MakeRun = Callable[..., RunDirectory]


def labelled(feature: int, label: str | None, **changes: Any) -> dict[str, Any]:
    """A row of labels.parquet."""
    return {
        "feature": feature, "label": label, "verdict": "MONOSEMANTIC", "outcome": "ok", "confidence": 4,
        "reasoning": "all the same", "llm": "rules", "prompt": "rules@1", "cost_usd": 0.0, **changes,
    }  # fmt: skip


@pytest.fixture(scope="session")
def label_row() -> Callable[..., dict[str, Any]]:
    return labelled


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    def make(
        labels: Sequence[Mapping[str, Any]],
        groups: Mapping[str, list[int]] | None = None,
        top_tokens: Sequence[str] = ("self", " the"),
    ) -> RunDirectory:
        run = RunDirectory(tmp_path / "run")
        chosen = dict(groups) if groups is not None else {"random:2": [row["feature"] for row in labels]}
        run.write_manifest(Manifest(config={"groups": chosen}))
        features = [
            {
                "feature": i, "n_active": 10 + i, "density": (10 + i) / 30_000, "mean_activation": 0.1 + i,
                "max_activation": 1.5 * i, "selectivity": None if i == 0 else 0.123456789 * i, "rank": i or None,
                "duplicate_of": 3 if i == 4 else None, "top_tokens": list(top_tokens),
            }
            for i in range(20)
        ]  # fmt: skip
        pq.write_table(pa.Table.from_pylist(features, FEATURES), run.features)
        pq.write_table(pa.Table.from_pylist([dict(row) for row in labels], LABELS), run.labels)
        return run

    return make
