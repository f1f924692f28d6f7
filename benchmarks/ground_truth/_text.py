"""Windows of real text, as predicates look at them.

Shapes: b windows, t positions, v token ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.ground_truth._layout import Layout, layout

Mask = NDArray[np.bool_]
Test = Callable[[str], bool]


class Vocabulary:
    """Every token's own text, and which tokens pass a test."""

    def __init__(self, pieces: Sequence[str], *, special: Sequence[int]) -> None:
        """Args: texts by token id, and the ids that are no text (BOS, padding)."""
        self.pieces, self.special = tuple(pieces), tuple(special)
        self._tables: dict[Test, Mask] = {}

    def table(self, test: Test) -> Mask:
        """Which tokens pass, [v]; a test is asked about each token once."""
        if test not in self._tables:
            self._tables[test] = np.fromiter((test(piece) for piece in self.pieces), np.bool_, len(self.pieces))
        return self._tables[test]


class Text:
    """Some windows. What lies outside a window is unknown to it, as it is to a language model."""

    def __init__(self, ids: NDArray[np.int64], vocabulary: Vocabulary) -> None:
        """Args: token ids [b, t], and what they spell."""
        self.ids, self._vocabulary = ids, vocabulary
        self.real: Mask = ~np.isin(ids, vocabulary.special)

    @property
    def shape(self) -> tuple[int, int]:
        """Windows and positions."""
        return self.ids.shape[0], self.ids.shape[1]

    def here(self, test: Test) -> Mask:
        """Where the token itself passes, [b, t]."""
        found: Mask = self._vocabulary.table(test)[self.ids] & self.real
        return found

    def at(self, offset: int, test: Test) -> Mask:
        """Where the token ``offset`` places further on passes (-1: the one before), [b, t]."""
        return self.moved(self.here(test), -offset)

    def moved(self, mask: Mask, by: int) -> Mask:
        """A mask shifted to the right; nothing enters from outside the window."""
        found = np.zeros_like(mask)
        if by > 0:
            found[:, by:] = mask[:, :-by]
        else:
            found[:, : mask.shape[1] + by] = mask[:, -by:]
        return found & self.real

    @cached_property
    def position(self) -> NDArray[np.int64]:
        """Column of each token, [b, t]; the BOS has 0."""
        return np.broadcast_to(np.arange(self.ids.shape[1]), self.shape)

    @cached_property
    def left(self) -> NDArray[np.int64]:
        """Real tokens from each one to its window's end, itself included, [b, t]."""
        return self.real[:, ::-1].cumsum(axis=1)[:, ::-1]

    def repeats(self, within: int) -> Mask:
        """Where the same token stood among the ``within`` tokens before, [b, t]."""
        found = np.zeros(self.shape, np.bool_)
        for back in range(1, within + 1):
            found[:, back:] |= self.ids[:, back:] == self.ids[:, :-back]
        return found & self.real

    @cached_property
    def layout(self) -> Layout:
        """Lines, brackets, quotes and comments; see ``Layout``."""
        pieces = self._vocabulary.pieces
        rows = [
            [pieces[i] if ok else "" for i, ok in zip(*row, strict=True)]
            for row in zip(self.ids, self.real, strict=True)
        ]
        return layout(rows)
