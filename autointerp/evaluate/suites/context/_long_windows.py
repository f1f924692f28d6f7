"""Longer windows out of a run's own: those of a document follow each other without a gap."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from autointerp.corpus import Windows


def join_windows(windows: Windows, length: int) -> Windows | None:
    """Put the text of consecutive windows together, and cut it into longer ones that are all full.

    Args:
        windows: The run's.
        length: Tokens of a long window, BOS included.

    Returns:
        Windows of that length, in the order of their documents; None where no document has so much text.
    """
    n_bos = int(windows.prepend_bos)
    room = length - n_bos
    lengths, document = np.asarray(windows.lengths), np.asarray(windows.document)
    tokens: list[NDArray[np.int32]] = []
    origin: list[tuple[int, int, int]] = []  # split, document, start of each long window
    order = np.lexsort((windows.start, document))
    for rows in np.split(order, np.flatnonzero(np.diff(document[order])) + 1):
        text = np.concatenate([np.asarray(windows.tokens[row, n_bos : lengths[row]]) for row in rows])
        for first in range(0, len(text) - room + 1, room):
            tokens.append(np.concatenate([windows.tokens[rows[0], :n_bos], text[first : first + room]]))
            origin.append((int(windows.split[rows[0]]), int(document[rows[0]]), int(windows.start[rows[0]]) + first))
    if not tokens:
        return None
    split, documents, start = np.array(origin).T
    return dataclasses.replace(
        windows,
        tokens=np.stack(tokens),
        lengths=np.full(len(tokens), length, np.int32),
        split=split.astype(np.uint8),
        document=documents.astype(np.int32),
        start=start.astype(np.int32),
        context_length=length,
        n_tokens=room * len(tokens),
    )
