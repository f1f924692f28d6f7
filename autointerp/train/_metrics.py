"""A training's history as files: one row a logged step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from autointerp.run import replace_atomically, write_text

FILES = ("training.jsonl", "metrics.csv", "metrics.parquet")


def write_metrics(folder: Path, history: Sequence[dict[str, Any]]) -> None:
    """Write ``training.jsonl``, ``metrics.csv`` and ``metrics.parquet``, which hold the same; each appears whole.

    Args:
        folder: The SAE's folder.
        history: Rows with one set of names, in the order of the steps.
    """
    write_text(folder / "training.jsonl", "".join(json.dumps(row) + "\n" for row in history))
    frame = pd.DataFrame(list(history))
    with replace_atomically(folder / "metrics.csv") as temporary:
        frame.to_csv(temporary, index=False)
    with replace_atomically(folder / "metrics.parquet") as temporary:
        frame.to_parquet(temporary, index=False)
