"""Parquet files of rows: written whole or not at all, read back with their nulls as nulls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from autointerp.errors import UsageError
from autointerp.run._atomic import replace_atomically

Row = TypeVar("Row")
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def write_rows(
    path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema, *, on_change: Callable[[], None] | None = None
) -> None:
    """Replace a table atomically; the same rows give the same bytes.

    Args:
        path: The file.
        rows: One dictionary a row.
        schema: Columns and their types.
        on_change: Called just before another table takes the place of the one that is there.
    """
    with replace_atomically(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary)
        if on_change and path.exists() and path.read_bytes() != temporary.read_bytes():
            on_change()


def read_table(path: Path, *, columns: Sequence[str] | None = None, filters: pc.Expression | None = None) -> pa.Table:
    """A table of a run.

    Args:
        path: The file.
        columns: Only these.
        filters: Only rows of which this is true.

    Raises:
        UsageError: It is damaged.
    """
    try:
        return pq.read_table(path, columns=None if columns is None else list(columns), filters=filters)
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's, not the file's
            raise
        raise UsageError(
            f"{path}: damaged ({str(error).splitlines()[0]}). Remove it, and make it again with "
            f"'autointerp label --out {path.parent} --resume', or 'autointerp score {path.parent}' for scores."
        ) from error


def read_frame(path: Path, *, missing: str) -> pd.DataFrame:
    """A table with whole numbers and truth values that may be missing.

    Args:
        path: The file.
        missing: What to say where it is not there.

    Raises:
        UsageError: It is not there.
    """
    _require(path, missing)
    frame: pd.DataFrame = read_table(path).to_pandas(types_mapper=_NULLABLE.get)
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
    return [row(**columns) for columns in read_table(path).to_pylist()]


def _require(path: Path, missing: str) -> None:
    if not path.exists():
        raise UsageError(missing)
