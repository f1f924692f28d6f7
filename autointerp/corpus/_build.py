"""Text to windows: tokenise, cut, cluster near-duplicates, split in two, write."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autointerp.corpus._corpus import Corpus
from autointerp.corpus._cut import MIN_WINDOW, SECTION_WINDOWS, CutDocument, cut_documents, cut_sections
from autointerp.corpus._near_duplicates import cluster_near_duplicates, min_hashes
from autointerp.corpus._windows import SPLITS, Windows
from autointerp.errors import UsageError

if TYPE_CHECKING:
    from autointerp.subject import Subject


def build_windows(
    corpus: Corpus,
    subject: Subject,
    *,
    context_length: int,
    prepend_bos: bool,
    n_tokens: int,
    out: Path,
    progress: Callable[[int, int], None] | None = None,
) -> Windows:
    """Cut a corpus into windows and write them to a folder.

    Windows are consecutive within a document and never cross its ends; a last one with fewer than 8 tokens is dropped.
    A document of more than 64 windows is treated as several, its sections (fewer windows a section in a corpus of
    hardly any documents). Each document, together with its near-duplicates, goes to the split ``explain`` or ``score``
    by a hash of the cluster's smallest digest: neither the order nor the number of documents decides.

    Args:
        corpus: The documents.
        subject: Its tokenizer, BOS and padding are used.
        context_length: Longest window, BOS included.
        prepend_bos: Whether every window opens with the subject's BOS.
        n_tokens: How many tokens to take, BOS not counted; the last window is taken whole.
        out: The folder; what it holds of an earlier or unfinished build is replaced.
        progress: Called with tokens so far and ``n_tokens``.

    Returns:
        The windows, opened from the folder. Their notes say what was skipped, and whether the corpus was too short.

    Raises:
        UsageError: The settings don't fit the model, or there is too little text for two splits.
    """
    _check(subject, context_length=context_length, prepend_bos=prepend_bos, n_tokens=n_tokens)
    report = progress or (lambda _done, _total: None)
    room = context_length - prepend_bos
    documents = list(
        cut_documents(
            corpus,
            subject,
            room=room,
            shortest=MIN_WINDOW - prepend_bos,
            n_tokens=n_tokens,
            progress=lambda done: report(min(done, n_tokens), n_tokens),
        )
    )
    found = sum(len(document.tokens) for document in documents)
    report(min(found, n_tokens), n_tokens)
    if not documents:
        raise UsageError(
            f"{corpus.name}: no document has {MIN_WINDOW} tokens, the least a window holds. Give longer texts."
        )
    sections, section_windows = cut_sections(documents, room)
    notes = list(corpus.notes)
    if found < n_tokens:
        notes.append(f"The corpus holds {found:,} tokens in windows, of the {n_tokens:,} asked for.")
    if section_windows < SECTION_WINDOWS:
        notes.append(
            f"The corpus has few documents; they were cut into sections of {section_windows} windows for the splits."
        )
    _assemble(sections, subject, corpus.name, notes, context_length=context_length, prepend_bos=prepend_bos).save(out)
    return Windows.open(out)


def _check(subject: Subject, *, context_length: int, prepend_bos: bool, n_tokens: int) -> None:
    if context_length < MIN_WINDOW:
        raise UsageError(f"context length is {context_length}; it must be at least {MIN_WINDOW}.")
    if context_length > subject.max_context:
        raise UsageError(
            f"context length is {context_length}, but {subject.name} takes at most {subject.max_context} tokens. "
            "Use a smaller one."
        )
    if prepend_bos and subject.bos_id is None:
        raise UsageError(
            f"{subject.name}: its tokenizer has no BOS token to put in front of windows. Turn prepend_bos off."
        )
    if n_tokens < 1:
        raise UsageError(f"the number of tokens is {n_tokens}; it must be at least 1.")


def _assemble(
    sections: list[CutDocument],
    subject: Subject,
    name: str,
    notes: list[str],
    *,
    context_length: int,
    prepend_bos: bool,
) -> Windows:
    """Lay sections out as rows, and give each its split."""
    import pandas as pd

    room = context_length - prepend_bos
    counts = [math.ceil(len(section.tokens) / room) for section in sections]
    tokens = np.full((sum(counts), context_length), subject.pad_id, dtype=np.int32)
    starts = np.concatenate([np.arange(count, dtype=np.int32) * room for count in counts])
    document = np.repeat(np.arange(len(sections), dtype=np.int32), counts)
    sizes = np.array([len(section.tokens) for section in sections])
    texts = np.minimum(sizes[document] - starts, room).astype(np.int32)
    if subject.bos_id is not None and prepend_bos:
        tokens[:, 0] = subject.bos_id
    first = 0
    for section, count in zip(sections, counts, strict=True):
        padded = np.full(count * room, subject.pad_id, dtype=np.int32)
        padded[: len(section.tokens)] = section.tokens
        tokens[first : first + count, context_length - room :] = padded.reshape(count, room)  # [count * room] -> rows
        first += count
    digests = [section.digest for section in sections]
    clusters = cluster_near_duplicates(np.stack([min_hashes(section.tokens) for section in sections]), digests)
    split = _splits([digests[leader] for leader in clusters])[document]
    if len(set(split.tolist())) < len(SPLITS):
        raise UsageError(
            f"{name}: all {len(sections)} documents or sections ({len(set(clusters.tolist()))} apart from "
            "near-duplicates) fall into one split, and nothing is left for the other. Give more text."
        )
    columns = {"digest": digests, "source": [s.source for s in sections], "kind": [s.kind for s in sections]}
    return Windows(
        tokens=tokens,
        lengths=(texts + prepend_bos).astype(np.int32),
        split=split,
        document=document,
        start=starts,
        documents=pd.DataFrame({**columns, "cluster": clusters}),
        context_length=context_length,
        prepend_bos=prepend_bos,
        pad_id=subject.pad_id,
        n_tokens=int(sizes.sum()),
        corpus_name=name,
        notes=notes,
    )


def _splits(leaders: list[str]) -> NDArray[np.uint8]:
    """0 or 1 for the smallest digest of each document's cluster."""
    return np.array([hashlib.sha256(leader.encode()).digest()[0] & 1 for leader in leaders], dtype=np.uint8)
