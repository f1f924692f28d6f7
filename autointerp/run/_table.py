"""Parquet files of rows: written whole or not at all, read back with their nulls as nulls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from autointerp.errors import UsageError
from autointerp.run._atomic import replace_atomically

Row = TypeVar("Row")
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def write_rows(path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema) -> None:
    """Replace a table atomically; the same rows give the same bytes."""
    with replace_atomically(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary)


def read_frame(path: Path, *, missing: str) -> pd.DataFrame:
    """A table with whole numbers and truth values that may be missing.

    Args:
        path: The file.
        missing: What to say where it is not there.

    Raises:
        UsageError: It is not there.
    """
    _require(path, missing)
    frame: pd.DataFrame = pq.read_table(path).to_pandas(types_mapper=_NULLABLE.get)
    return frame


def read_rows(path: Path, row: Callable[..., Row], *, missing: str) -> list[Row]:
    """A table's rows.

    Args:
        path: The file.
        row: Makes a row from its columns by name.
        missing: What to say where the file is not there.

    Raises:
        UsageError: It is not there.
    """
    _require(path, missing)
    return [row(**columns) for columns in pq.read_table(path).to_pylist()]


def _require(path: Path, missing: str) -> None:
    if not path.exists():
        raise UsageError(missing)
