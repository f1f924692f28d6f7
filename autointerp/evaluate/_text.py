"""Tokens, as tables and figures show them."""

from __future__ import annotations

from autointerp.run import visible

_THIN_SPACE = "\u2009"


def legible(text: str) -> str:
    r"""A token for a table: line ends and tabs as ``\n`` and ``\t``, nothing invisible but spaces."""
    return visible(text.replace("\n", "\\n").replace("\t", "\\t"))


def plain(text: str) -> str:
    """Someone else's text, such as a token, fit for a figure: legible, and no mathematics in it.

    Args:
        text: Whatever it is. Spaces at its start or end become open boxes.
    """
    shown = legible(text)
    bare = shown.strip(" ")
    before = len(shown) - len(shown.lstrip(" "))
    after = len(shown) - len(bare) - before
    marked = ("\u2423" * before + bare + "\u2423" * after).replace("$", r"\$")
    return f"{_THIN_SPACE}{marked}" if marked.startswith("_") else marked  # legends leave out what starts with _
