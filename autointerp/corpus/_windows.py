"""A run's windows on disk: token ids, where each comes from, and its split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from autointerp.errors import UsageError
from autointerp.run import replace_atomically, write_text

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("explain", "score")


class WindowsMeta(BaseModel):
    """``meta.json``, written last: a folder without it is half-written."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    corpus_name: str
    context_length: int
    prepend_bos: bool
    pad_id: int
    n_windows: int
    n_documents: int
    n_tokens: int
    """Without BOS and padding."""
    fingerprint: str
    """SHA-256 over tokens, lengths and splits."""
    notes: list[str]


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of text, cut inside documents; row i of every array is window i."""

    tokens: NDArray[np.int32]
    """[n_windows, context_length], padded on the right with ``pad_id``; memory-mapped when opened from a folder."""
    lengths: NDArray[np.int32]
    """Real tokens of each window, BOS included, [n_windows]."""
    split: NDArray[np.uint8]
    """0 explain, 1 score, [n_windows]."""
    document: NDArray[np.int32]
    """Row of ``documents``, [n_windows]."""
    start: NDArray[np.int32]
    """Offset of the window's first token (BOS not counted) in its document, [n_windows]."""
    documents: pd.DataFrame
    """``digest``, ``source``, ``kind``, ``cluster`` (equal for near-duplicates), one row a document or section."""
    context_length: int
    prepend_bos: bool
    """Whether column 0 of every window is BOS."""
    pad_id: int
    n_tokens: int
    """Tokens without BOS and padding."""
    corpus_name: str
    notes: list[str]
    """What was skipped, repaired or short, as sentences for people."""
    model_reads: NDArray[np.int32] | None = None
    """What the model reads in place of ``tokens``, of the same shape: a null gives each window the activations of
    another text. None: the tokens themselves. Never saved."""

    @property
    def n_windows(self) -> int:
        """Number of windows."""
        return len(self.lengths)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over tokens, lengths, splits, and what the model reads in place of the tokens, where it does."""
        total = hashlib.sha256()
        moved = () if self.model_reads is None else (self.model_reads,)
        for array in (self.tokens, self.lengths, self.split, *moved):
            total.update(f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).data)
        return total.hexdigest()

    def rows(self, split: str | None = None) -> NDArray[np.int64]:
        """Numbers of the windows of a split, or of all, in order.

        Raises:
            UsageError: There is no such split.
        """
        if split is None:
            return np.arange(self.n_windows)
        if split not in SPLITS:
            raise UsageError(f"no split {split!r}; there are {' and '.join(SPLITS)}.")
        return np.flatnonzero(self.split == SPLITS.index(split))

    def batches(self, split: str | None, size: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Windows in order, in batches of one fixed shape, so that none depends on how many came with it.

        Args:
            split: ``explain``, ``score``, or None for both.
            size: Windows a batch.

        Yields:
            Window numbers, [at most size], and tokens, [size, context_length]; the last batch is filled up with rows
            of padding.
        """
        rows = self.rows(split)
        for first in range(0, len(rows), size):
            chosen = rows[first : first + size]
            tokens = np.full((size, self.context_length), self.pad_id, dtype=np.int64)
            tokens[: len(chosen)] = self.tokens[chosen]
            yield chosen, tokens

    def save(self, folder: Path) -> None:
        """Write the folder; each file appears whole, and ``meta.json`` last."""
        import pandas as pd

        meta_file = folder / "meta.json"
        meta_file.unlink(missing_ok=True)
        with replace_atomically(folder / "tokens.npy") as temporary, temporary.open("wb") as file:
            np.save(file, self.tokens)
        index = {"length": self.lengths, "split": self.split, "document": self.document, "start": self.start}
        with replace_atomically(folder / "index.parquet") as temporary:
            pd.DataFrame(index).to_parquet(temporary)
        with replace_atomically(folder / "documents.parquet") as temporary:
            self.documents.to_parquet(temporary)
        meta = WindowsMeta(
            corpus_name=self.corpus_name,
            context_length=self.context_length,
            prepend_bos=self.prepend_bos,
            pad_id=self.pad_id,
            n_windows=self.n_windows,
            n_documents=len(self.documents),
            n_tokens=self.n_tokens,
            fingerprint=self.fingerprint,
            notes=self.notes,
        )
        write_text(meta_file, meta.model_dump_json(indent=2) + "\n")

    @classmethod
    def open(cls, folder: Path | str) -> Windows:
        """Open what ``build_windows`` wrote.

        Raises:
            UsageError: The folder is not there, half-written, or its files do not belong together.
        """
        import pandas as pd

        folder = Path(folder)
        again = "Build the windows again (harvest does when they are missing)."
        for name in ("meta.json", "tokens.npy", "index.parquet", "documents.parquet"):
            if not (folder / name).is_file():
                raise UsageError(f"{folder}: no windows here, or half-written ({name} is missing). {again}")
        try:
            meta = WindowsMeta.model_validate_json((folder / "meta.json").read_bytes())
            tokens = np.load(folder / "tokens.npy", mmap_mode="r")
            index = pd.read_parquet(folder / "index.parquet")
            documents = pd.read_parquet(folder / "documents.parquet")
            opened = cls(
                tokens=tokens,
                lengths=index["length"].to_numpy(np.int32),
                split=index["split"].to_numpy(np.uint8),
                document=index["document"].to_numpy(np.int32),
                start=index["start"].to_numpy(np.int32),
                documents=documents,
                context_length=meta.context_length,
                prepend_bos=meta.prepend_bos,
                pad_id=meta.pad_id,
                n_tokens=meta.n_tokens,
                corpus_name=meta.corpus_name,
                notes=meta.notes,
            )
        except (ValidationError, ValueError, KeyError, OSError, EOFError) as error:
            raise UsageError(f"{folder}: can't be read ({str(error).splitlines()[0]}). {again}") from error
        shape = (meta.n_windows, meta.context_length)
        sizes = {len(index), meta.n_windows}
        if tokens.shape != shape or tokens.dtype != np.int32 or len(sizes) > 1 or len(documents) != meta.n_documents:
            raise UsageError(
                f"{folder}: its files do not belong together: meta.json says {shape} tokens and {meta.n_documents} "
                f"documents, there are {tokens.shape}, {len(index)} index rows and {len(documents)} documents. {again}"
            )
        if opened.fingerprint != meta.fingerprint:
            raise UsageError(f"{folder}: the tokens are not those that meta.json was written for. {again}")
        return opened
