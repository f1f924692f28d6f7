"""Corpora in files: plain text, JSON lines, Parquet."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autointerp.corpus._corpus import Tally
from autointerp.corpus._document import Document
from autointerp.errors import UsageError

SEPARATOR = "<|endoftext|>"
_BOM = b"\xef\xbb\xbf"
_MOST_BROKEN = 0.1  # share of a text's bytes that may be undecodable


def read_text_folder(folder: Path, tally: Tally) -> Iterator[Document]:
    """Every ``.txt`` file below a folder, in the order of their paths."""
    for path in sorted(folder.rglob("*.txt")):
        if path.is_file():
            yield from read_text(path, path.relative_to(folder).as_posix(), tally)


def read_text(path: Path, source: str, tally: Tally) -> Iterator[Document]:
    """A text file: one document, or those between its ``<|endoftext|>`` separators.

    Args:
        path: The file; it is mapped, not loaded, so that a large one with separators streams.
        source: Its name in the documents.
        tally: Counts broken UTF-8.

    Raises:
        UsageError: The file is not text.
    """
    if path.stat().st_size == 0:
        yield Document(text="", source=source)
        return
    mark, newline = SEPARATOR.encode(), b"\n"
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = len(_BOM) if data[:3] == _BOM else 0
        line, end = 1, data.find(mark, start)
        if end < 0:
            yield Document(text=_plain(data[start:], source, tally), source=source)
            return
        while start <= len(data):
            stop = end if end >= 0 else len(data)
            raw = data[start:stop]
            blank = raw[: len(raw) - len(raw.lstrip())]
            where = f"{source}:{line + blank.count(newline)}"
            yield Document(text=_plain(raw, where, tally).strip(), source=where)
            line += raw.count(newline)
            start = stop + len(mark)
            end = data.find(mark, start)


def read_jsonl(path: Path, column: str, tally: Tally) -> Iterator[Document]:
    """One JSON object a line, the text in one of its fields.

    Raises:
        UsageError: A line is no JSON object, has no such field, or holds something else than a string there.
    """
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            where = f"{path}:{number}"
            line = raw.removeprefix(_BOM) if number == 1 else raw
            if not line.strip():
                continue
            try:
                row = json.loads(decode(line, where, tally))
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{where}: not a line of JSON ({error}). Repair or remove it.") from error
            if not isinstance(row, dict):
                raise UsageError(f"{where}: {type(row).__name__} where an object belongs, such as {{{column!r}: ...}}.")
            yield Document(text=_field(row, column, where), source=f"{path.name}:{number}")


def read_parquet(path: Path, column: str, _tally: Tally) -> Iterator[Document]:
    """One document a row, the text in one of the columns; a missing value is an empty document.

    Raises:
        UsageError: The file is no Parquet, or the column is missing or holds no strings.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            if column not in schema.names:
                raise no_column(str(path), column, schema.names)
            kind = schema.field(column).type
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
                raise UsageError(f"{path}: column {column!r} holds {kind}, not strings. Name the text with --column.")
            row = 0
            for batch in file.iter_batches(batch_size=1000, columns=[column]):
                for text in batch.column(0).to_pylist():
                    row += 1
                    yield Document(text=text or "", source=f"{path.name}:{row}")
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: can't be read as Parquet ({str(error).splitlines()[0]}). Write it again.") from error


def no_column(where: str, column: str, present: list[str]) -> UsageError:
    """The error for a column that is not there, naming those that are."""
    return UsageError(
        f"{where}: no column {column!r}; there are {', '.join(map(repr, present))}. Name one with --column."
    )


def decode(raw: bytes, where: str, tally: Tally) -> str:
    """Bytes as UTF-8; a few broken ones become U+FFFD and are counted.

    Raises:
        UsageError: They are no text: a NUL, or more than a tenth can't be decoded.
    """
    if b"\0" in raw:
        raise UsageError(f"{where}: holds NUL bytes, so it is binary or UTF-16. Give text in UTF-8.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
    broken = text.count("\ufffd") - raw.count("\ufffd".encode())
    if broken > _MOST_BROKEN * len(raw):
        raise UsageError(f"{where}: {broken:,} of {len(raw):,} bytes are not UTF-8. Give text in UTF-8.")
    tally.broken += 1
    return text


def _plain(raw: bytes, where: str, tally: Tally) -> str:
    return decode(raw, where, tally).replace("\r\n", "\n")


def _field(row: dict[str, Any], column: str, where: str) -> str:
    if column not in row:
        raise no_column(where, column, list(row))
    if not isinstance(row[column], str):
        raise UsageError(
            f"{where}: {column!r} is {type(row[column]).__name__}, not a string. Repair or remove the line."
        )
    return str(row[column])
