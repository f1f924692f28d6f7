"""Parquet files of rows: written whole or not at all, read back with their nulls as nulls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from autointerp.run._atomic import replace_atomically

_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def write_rows(path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema) -> None:
    """Replace a table atomically; the same rows give the same bytes."""
    with replace_atomically(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary)


def read_frame(path: Path) -> pd.DataFrame:
    """A table with whole numbers and truth values that may be missing."""
    frame: pd.DataFrame = pq.read_table(path).to_pandas(types_mapper=_NULLABLE.get)
    return frame


def read_rows(path: Path) -> list[dict[str, Any]]:
    """A table's rows."""
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows
