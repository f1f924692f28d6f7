"""From what a user writes after ``--corpus`` to a corpus."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from autointerp.corpus._corpus import Corpus, ReadableCorpus, Tally
from autointerp.corpus._document import Document
from autointerp.corpus._files import read_jsonl, read_parquet, read_text, read_text_folder
from autointerp.corpus._hub import check_online, read_hub, split_hub_spec
from autointerp.corpus._python import python_documents
from autointerp.errors import UsageError

_TAKEN = "'python', a .txt, .jsonl or .parquet file, a folder of .txt files, or hf:NAME"


def open_corpus(spec: str, *, column: str | None = None) -> Corpus:
    """Open a corpus; its documents are read when they are asked for.

    Args:
        spec: ``python`` (text that ships with the interpreter); a ``.txt`` file, one document unless it has
            ``<|endoftext|>`` separators; a folder of them; a ``.jsonl`` or ``.parquet`` file; or ``hf:NAME``,
            ``hf:NAME:SPLIT``, ``hf:NAME:CONFIG:SPLIT``, a data set on the hub, which is streamed.
        column: The field with the text, where there are fields; ``text`` by default.

    Raises:
        UsageError: There is no such file, or it is of a kind that is not taken.
    """
    has_columns = spec.startswith("hf:") or Path(spec).suffix.lower() in {".jsonl", ".parquet"}
    if column is not None and not has_columns:
        raise UsageError(f"{spec}: has no columns, so --column {column} means nothing here. Leave it out.")
    if spec == "python":
        return ReadableCorpus(f"python-{platform.python_version()}", lambda _tally: python_documents())
    if spec.startswith("hf:"):
        split_hub_spec(spec)
        check_online(spec)
        return ReadableCorpus(spec, partial(read_hub, spec, column or "text"))
    return ReadableCorpus(spec, _file_reader(Path(spec).expanduser(), column or "text"))


def _file_reader(path: Path, column: str) -> Callable[[Tally], Iterator[Document]]:
    if path.is_dir():
        if not any(path.rglob("*.txt")):
            raise UsageError(f"{path}: a folder without .txt files. Give {_TAKEN}.")
        return partial(read_text_folder, path)
    if not path.is_file():
        raise UsageError(f"{path}: no such file. Give {_TAKEN}.")
    match path.suffix.lower():
        case ".txt":
            return partial(read_text, path, path.name)
        case ".jsonl":
            return partial(read_jsonl, path, column)
        case ".parquet":
            return partial(read_parquet, path, column)
        case suffix:
            raise UsageError(f"{path}: files ending in {suffix or 'nothing'!r} are not taken. Give {_TAKEN}.")
