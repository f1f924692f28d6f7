"""Contexts cut to a prompt's length: every line stays, long ones lose text around the peak."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate
from typing import NamedTuple

from autointerp.harvest import Context
from autointerp.label._data_block import as_data

CUT = "…"
"""Stands for what was cut off."""
MIN_WIDTH = 40
"""Characters of JSON that a text gets however little room there is."""
MAX_WIDTH = 200
"""Characters of JSON that no text goes beyond, however much room there is."""


class Excerpt(NamedTuple):
    """What a prompt shows of a context."""

    token: str
    """The one at the peak; of a long one the two ends."""
    text: str
    """The slice around that token, in which ``token`` stands as given."""


def excerpt(context: Context, width: int) -> Excerpt:
    """A context's text, cut around its peak where it is too long.

    The token at the peak takes at most half of the width, two thirds of the rest go to the text before it and one third
    to the text after it; what one side doesn't need the other gets. Whether the feature fires decides nothing here.

    Args:
        context: Any.
        width: Most characters of the text once it is JSON, escapes counted, quotes not; at least 4.
    """
    token = _both_ends(context.tokens[context.peak], width // 2)
    before, after = "".join(context.tokens[: context.peak]), "".join(context.tokens[context.peak + 1 :])
    room = width - _length(token)
    before = _end(before, max(room * 2 // 3, room - _length(after[:room])))
    return Excerpt(token, before + token + shorten(after, room - _length(before)))


def fit_lines(contexts: Sequence[Context], line: Callable[[int, Excerpt], str], room: int) -> list[str]:
    """One line a context, with texts as wide as the room allows, from 40 to 200 characters, the same limit for all.

    Args:
        contexts: Any number; each is shown, so very many can take more than the room, at 40 characters each.
        line: Makes a line of a context's index and its excerpt.
        room: Most characters of all lines, each with a line break.
    """

    def lines(width: int) -> list[str]:
        return [line(i, excerpt(context, width)) for i, context in enumerate(contexts)]

    def too_long(lines: list[str]) -> bool:
        return sum(len(one) + 1 for one in lines) > room

    widest = lines(MAX_WIDTH)
    if not too_long(widest):
        return widest
    n_fitting = bisect_left(range(MIN_WIDTH, MAX_WIDTH), True, key=lambda width: too_long(lines(width)))
    return lines(MIN_WIDTH + max(0, n_fitting - 1))


def shorten(text: str, width: int) -> str:
    """The beginning of a text, with a mark where it was cut.

    Args:
        text: Any.
        width: Most characters of the result once it is JSON, escapes counted, quotes not; at least 1.
    """
    n = _n_fitting(text, width)
    return text if n == len(text) else text[: _n_fitting(text, width - len(CUT))] + CUT


def _end(text: str, width: int) -> str:
    return shorten(text[::-1], width)[::-1]


def _both_ends(text: str, width: int) -> str:
    if _n_fitting(text, width) == len(text):
        return text
    half = width // 2
    return shorten(text, half) + _end(text, width - half + len(CUT)).removeprefix(CUT)


def _n_fitting(text: str, width: int) -> int:
    """How many characters from the beginning fit."""
    return bisect_right(list(accumulate(map(_cost, text[: width + 1]))), width)


def _length(text: str) -> int:
    return sum(map(_cost, text))


@cache
def _cost(character: str) -> int:
    """Its length as JSON, without the quotes."""
    return len(as_data(character)) - 2
