"""``labels.csv``: made for spreadsheets, and for programs that read what spreadsheets do."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pandas as pd

from autointerp.errors import UsageError
from autointerp.export._rows import COLUMNS, LabelRecord, label_records
from autointerp.export._text import escape
from autointerp.run import RunDirectory, write_text

_WHOLE = ("feature", "confidence", "n_active", "rank", "duplicate_of")
_REAL = ("density", "mean_activation", "max_activation", "selectivity", "cost_usd")
_TEXT = ("group", "label", "verdict", "outcome", "reasoning", "llm", "prompt")

# What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection"), full-width forms included.
_FORMULA = re.compile(r"[\s\"']*[=+\-@\t\r\n＝＋－＠]")
# A carriage return is a line end to readers even where the writer's standard says otherwise; NUL ends a C string.
_UNWRITABLE = re.compile(r"[\x00\r\ud800-\udfff]")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def write_labels_csv(run: RunDirectory, *, raw: bool = False, path: Path | None = None) -> Path:
    r"""Write the labels as CSV: UTF-8, ``\n`` line ends, one row a selected feature per group.

    A text cell that a spreadsheet would run as a formula gets a ``'`` in front, and control characters are written
    as escapes (``\x07``); ``read_labels_csv`` takes the ``'`` off again.

    Args:
        run: A run with labels.
        raw: Leave text as it is, except for what CSV and UTF-8 can't hold (NUL, carriage return, lone surrogates).
        path: The file (default: the run's ``labels.csv``).

    Returns:
        The file written; on an error the old one is intact.

    Raises:
        UsageError: The run has no labels.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in label_records(run):
        writer.writerow([_cell(record, column, raw=raw) for column in COLUMNS])
    target = path or run.labels_csv
    write_text(target, out.getvalue())
    return target


def read_labels_csv(path: Path, *, raw: bool = False) -> pd.DataFrame:
    """Read ``labels.csv`` back.

    Args:
        path: A file of ``write_labels_csv``.
        raw: Whether it was written so.

    Returns:
        The columns in their order: text as str, whole numbers as Int64, others as float64 (NaN where empty),
        ``top_tokens`` as lists. A label such as ``NA`` stays text.

    Raises:
        UsageError: The file can't be read, or has other columns.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
        if tuple(frame.columns) != COLUMNS:
            raise UsageError(
                f"{path}: the columns are {', '.join(frame.columns)}; labels.csv has {', '.join(COLUMNS)}."
            )
        for column in _WHOLE:
            frame[column] = pd.to_numeric(frame[column].replace("", None)).astype("Int64")
        for column in _REAL:
            frame[column] = pd.to_numeric(frame[column].replace("", None)).astype("float64")
        frame["top_tokens"] = frame["top_tokens"].map(json.loads)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: can't be read as labels ({error}).") from error
    if not raw:
        for column in _TEXT:
            frame[column] = frame[column].map(_without_guard)
    return frame


def safe_text(text: str) -> str:
    """A text cell that spreadsheets show and never run; nothing in it is invisible but blanks and line feeds."""
    shown = _INVISIBLE.sub(escape, text)
    return "'" + shown if _FORMULA.match(shown) else shown


def raw_text(text: str) -> str:
    """A text cell with only what a CSV file can't hold written as an escape."""
    return _UNWRITABLE.sub(escape, text)


def _cell(record: LabelRecord, column: str, *, raw: bool) -> str:
    value = getattr(record, column)
    if value is None:
        return ""
    if column == "top_tokens":  # JSON's own escapes, so that it still parses
        return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
    if isinstance(value, str):
        return raw_text(value) if raw else safe_text(value)
    return repr(value)


def _without_guard(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell
