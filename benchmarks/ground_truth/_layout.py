"""Where tokens stand in their lines, brackets, quotes and comments, read anew from each window's own text.

Shapes: b windows, t positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_STEP = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


class Layout(NamedTuple):
    """What holds where a token's first visible character stands; white space has what holds where it begins."""

    depth: NDArray[np.int64]
    """Brackets open, [b, t]; quotes and comments hide brackets."""
    quoted: NDArray[np.bool_]
    """Between two quotation marks of one line, [b, t]; a mark between letters is an apostrophe."""
    comment: NDArray[np.bool_]
    """After a ``#`` of the same line, [b, t]."""
    word: NDArray[np.int64]
    """Visible tokens before this one on its line, [b, t]; -1 for white space, and before the window's first newline."""
    is_last: NDArray[np.bool_]
    """The last visible token of a line that ends in the window, [b, t]."""
    line: NDArray[np.object_]
    """First word of the token's line, without spaces and case, [b, t]; empty where ``word`` is -1."""


def layout(rows: Sequence[Sequence[str]]) -> Layout:
    """Read windows.

    Args:
        rows: Each window's tokens, all of one number; what is no text is empty.
    """
    shape = len(rows), len(rows[0])
    found = Layout(
        np.zeros(shape, np.int64),
        np.zeros(shape, np.bool_),
        np.zeros(shape, np.bool_),
        np.full(shape, -1),
        np.zeros(shape, np.bool_),
        np.full(shape, "", np.object_),
    )
    for row, tokens in enumerate(rows):
        _Reader(found, row).read(tokens)
    return found


class _Reader:
    """A walk through one window."""

    def __init__(self, found: Layout, row: int) -> None:
        self._found, self._row = found, row
        self._mark, self._depth, self._comment = "", 0, False
        self._word, self._line = -1, ""
        self._last = -1

    def read(self, tokens: Sequence[str]) -> None:
        before = ""
        for column, token in enumerate(tokens):
            after = tokens[column + 1][:1] if column + 1 < len(tokens) else ""
            n_space = len(token) - len(token.lstrip()) if token.strip() else 0
            for i, character in enumerate(token):
                if i == n_space:
                    self._note(column, token.strip())
                self._take(character, before, token[i + 1 : i + 2] or after)
                before = character

    def _note(self, column: int, word: str) -> None:
        found, at = self._found, (self._row, column)
        found.depth[at] = self._depth
        found.quoted[at] = bool(self._mark)
        found.comment[at] = self._comment
        if word:
            if self._word == 0:
                self._line = word.casefold()
            if self._word >= 0:
                found.word[at], found.line[at] = self._word, self._line
                self._word += 1
            self._last = column

    def _take(self, character: str, before: str, after: str) -> None:
        if character == "\n":
            if self._last >= 0:
                self._found.is_last[self._row, self._last] = True
            self._mark, self._comment = "", False
            self._word, self._last = 0, -1
        elif self._comment:
            return
        elif self._mark:
            if character == self._mark and not (before.isalpha() and after.isalpha()):
                self._mark = ""
        elif character in "'\"" and not (before.isalpha() and after.isalpha()):
            self._mark = character
        else:
            self._comment = character == "#"
            self._depth = max(0, self._depth + _STEP.get(character, 0))
