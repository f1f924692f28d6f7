"""From documents to token ids in whole windows, and from long documents to sections."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autointerp.corpus._corpus import Corpus

if TYPE_CHECKING:
    from autointerp.subject import Subject

SECTION_WINDOWS = 64
FEW_DOCUMENTS = 20
MIN_WINDOW = 8
_CHUNK_CHARS = 1 << 16


@dataclass(frozen=True)
class CutDocument:
    """A document, or a section of one, as tokens."""

    digest: str
    """Of the text; of the token ids for a section."""
    source: str
    """Where it came from; ``#0``, ``#1``, ... number the sections."""
    kind: str
    tokens: NDArray[np.int32]
    """Its ids, without BOS; windows are cut off the front, and only the last may be short."""


def cut_documents(
    corpus: Corpus, subject: Subject, *, room: int, shortest: int, n_tokens: int, progress: Callable[[int], None]
) -> Iterator[CutDocument]:
    """Tokenise documents until there are enough tokens; the last window is left whole.

    Args:
        corpus: The documents.
        subject: Its tokenizer is used.
        room: Tokens a window, BOS not counted.
        shortest: A document's last window is dropped when it has fewer tokens than this, BOS not counted.
        n_tokens: How many tokens to gather.
        progress: Told the number of tokens gathered so far.
    """
    done = 0
    for document in corpus.documents():
        enough = math.ceil((n_tokens - done) / room) * room
        ids: list[int] = []
        for chunk in split_text(document.text, _CHUNK_CHARS):
            ids += subject.encode(chunk)
            progress(done + len(ids))
            if len(ids) >= enough:
                break
        del ids[enough:]
        tail = len(ids) % room
        if tail < shortest:
            del ids[len(ids) - tail :]
        if not ids:
            continue
        done += len(ids)
        yield CutDocument(document.digest, document.source, document.kind, np.array(ids, dtype=np.int32))
        if done >= n_tokens:
            return


def split_text(text: str, size: int) -> Iterator[str]:
    """A text in pieces of at most ``size`` characters, cut in front of white space where there is any.

    A tokenizer gets through each piece in bounded time, and most give the same tokens as for the whole text; some
    (SentencePiece's, which put a space before every text) have an extra token at a cut.
    """
    start = 0
    while len(text) - start > size:
        stop = start + size
        cut = max(text.rfind(" ", start, stop), text.rfind("\n", start, stop))
        while cut > start and text[cut - 1].isspace():
            cut -= 1
        cut = cut if cut > start else stop
        yield text[start:cut]
        start = cut
    yield text[start:]


def cut_sections(documents: list[CutDocument], room: int) -> tuple[list[CutDocument], int]:
    """Cut long documents into sections, so that both splits get text of them.

    A section has 64 windows. Where that leaves fewer than 20 pieces in all, sections are made smaller, down to one
    window, to come to about 20.

    Returns:
        The sections, and how many windows the longest may have.
    """
    counts = [math.ceil(len(document.tokens) / room) for document in documents]
    size = SECTION_WINDOWS
    if sum(math.ceil(count / size) for count in counts) < FEW_DOCUMENTS:
        size = min(size, max(1, sum(counts) // FEW_DOCUMENTS))
    return [section for document in documents for section in _sections(document, size * room)], size


def _sections(document: CutDocument, n_tokens: int) -> Iterator[CutDocument]:
    if len(document.tokens) <= n_tokens:
        yield document
        return
    for number, start in enumerate(range(0, len(document.tokens), n_tokens)):
        part = document.tokens[start : start + n_tokens]
        digest = hashlib.sha256(part.astype("<i4").tobytes()).hexdigest()
        yield CutDocument(digest, f"{document.source}#{number}", document.kind, part)
