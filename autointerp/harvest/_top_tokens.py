"""The tokens that a feature peaks on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autointerp.harvest._spec import Peaks

if TYPE_CHECKING:
    from autointerp.corpus import Windows
    from autointerp.subject import Subject

N_TOP_TOKENS = 5


def top_tokens(top: Peaks, *, subject: Subject, windows: Windows) -> list[list[str]]:
    """The most frequent tokens at the peaks of each feature's strongest windows.

    Args:
        top: Strongest windows, [F, k], strongest first.
        subject: Spells the tokens.
        windows: What the peaks point into.

    Returns:
        At most 5 texts a feature, by falling frequency, then by their strongest peak.
    """
    feature, rank = np.nonzero(top.window >= 0)
    token = np.asarray(windows.tokens)[top.window[feature, rank], top.position[feature, rank]].astype(np.int64)
    pairs, first, count = np.unique((feature << 32) | token, return_index=True, return_counts=True)
    owner, token = pairs >> 32, pairs & 0xFFFFFFFF
    order = np.lexsort((rank[first], -count, owner))
    ids = np.unique(token)
    piece = dict(zip(ids.tolist(), subject.pieces(ids.tolist()), strict=True))
    found: list[list[str]] = [[] for _ in range(len(top.window))]
    for f, t in zip(owner[order].tolist(), token[order].tolist(), strict=True):
        if len(found[f]) < N_TOP_TOKENS:
            found[f].append(piece[t])
    return found
