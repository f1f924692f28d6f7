"""Contexts as pieces of text to shade."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from autointerp.harvest import Context
from autointerp.run import visible

LEVELS = 9


@dataclass(frozen=True)
class Piece:
    """Text of one shade."""

    text: str
    level: int
    """0 (the feature is off) to ``LEVELS``, its maximum."""
    activation: str
    """The number behind the shade, for readers; empty at level 0."""
    is_peak: bool = False


@dataclass(frozen=True)
class ContextView:
    """One context on the page."""

    stratum: str
    pieces: tuple[Piece, ...]


def view_context(context: Context, maximum: float) -> ContextView:
    """Cut a context into pieces; neighbouring tokens without activation are one piece.

    Args:
        context: What to show.
        maximum: The feature's largest activation, shown with the darkest shade.
    """
    pieces: list[Piece] = []
    for i, (token, activation) in enumerate(zip(context.tokens, context.activations, strict=True)):
        level = _level(activation, maximum)
        if level:
            pieces.append(Piece(visible_token(token), level, f"{activation:.3g}", is_peak=i == context.peak))
        elif pieces and not pieces[-1].level:
            pieces[-1] = Piece(pieces[-1].text + visible_text(token), 0, "")
        else:
            pieces.append(Piece(visible_text(token), 0, ""))
    return ContextView(context.stratum, tuple(pieces))


def pick_contexts(contexts: Iterable[Context], *, n_top: int = 3, n_lowest: int = 2) -> list[Context]:
    """The contexts a reader needs most: the strongest, and some of the lowest tenth.

    Args:
        contexts: All of one feature.
        n_top: How many of the stratum ``top``.
        n_lowest: How many of the stratum ``d0``.
    """
    ordered = sorted(contexts, key=lambda context: (context.split, context.rank))
    top = [context for context in ordered if context.stratum == "top"]
    lowest = [context for context in ordered if context.stratum == "d0"]
    return top[:n_top] + lowest[:n_lowest]


def visible_text(text: str) -> str:
    r"""Running text: line feeds and tabs as glyphs, invisible characters as escapes (``\u202e``)."""
    return visible(text.replace("\n", "↵").replace("\t", "⇥"))


def visible_token(text: str) -> str:
    """One token: as running text, and every blank a glyph."""
    return visible_text(text).replace(" ", "·")


def _level(activation: float, maximum: float) -> int:
    if not activation > 0 or not maximum > 0:
        return 0
    return max(1, min(LEVELS, math.ceil(LEVELS * activation / maximum)))
