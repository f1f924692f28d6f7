"""Kinds of token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autointerp.evaluate._firings import Firings

KINDS = ("word", "word part", "number", "punctuation", "newline", "space", "mixed")


def kind_of(piece: str) -> str:
    """The kind of a token by its characters alone.

    Args:
        piece: Its text.

    Returns:
        ``newline`` where it holds one; ``space`` where it is only white space; ``word`` for letters after a space,
        ``word part`` for letters without; ``number`` for digits; ``punctuation`` for neither letters nor digits;
        ``mixed`` for the rest.
    """
    bare = piece.strip()
    if "\n" in piece:
        return "newline"
    if not bare:
        return "space"
    if bare.isalpha():
        return "word" if piece[0].isspace() else "word part"
    if bare.isdigit():
        return "number"
    return "mixed" if any(letter.isalnum() for letter in bare) else "punctuation"


def token_kinds(
    firings: Firings, features: NDArray[np.int64], pieces: Callable[[Sequence[int]], list[str]]
) -> pd.DataFrame:
    """Count the kinds of token that features fire on.

    Args:
        firings: On tokens that count.
        features: Which, [m].
        pieces: Spells tokens.

    Returns:
        A row a feature and kind: ``feature``, ``kind``, ``n``, ``share`` (of its firings), ``standard_error`` (the
        binomial one), ``text_share`` (of all tokens), ``ratio`` (of the two).
    """
    ids, token = np.unique(firings.token, return_inverse=True)
    number_of = {kind: number for number, kind in enumerate(KINDS)}
    kind = np.array([number_of[kind_of(piece)] for piece in pieces(ids.tolist())])[token]  # [n]
    text_share = np.bincount(kind, minlength=len(KINDS)) / len(kind)
    parts = []
    for feature in features.tolist():
        n = np.bincount(kind[firings.of_feature(feature)[0]], minlength=len(KINDS))
        share = n / max(n.sum(), 1)
        parts.append(
            pd.DataFrame(
                {
                    "feature": feature,
                    "kind": KINDS,
                    "n": n,
                    "share": share,
                    "standard_error": np.sqrt(share * (1 - share) / max(n.sum(), 1)),
                    "text_share": text_share,
                    "ratio": np.divide(share, text_share, out=np.full(len(KINDS), np.nan), where=text_share > 0),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
