"""Where a token stands in the visible text: inside quotes, brackets or a comment, or at the start of a line."""

from __future__ import annotations

from collections.abc import Sequence

_OPEN, _CLOSE = "([{", ")]}"


def surroundings(tokens: Sequence[str]) -> list[tuple[str, ...]]:
    """What holds at each token, as far as the slice shows.

    The text is read once from its start, so what was opened before the slice is not known. An apostrophe between
    letters is no quote; ``#`` and ``//`` outside quotes start a comment.

    Args:
        tokens: Each token's text, in order.

    Returns:
        For each token those of ``quotes``, ``brackets``, ``a comment`` and ``line start`` that hold where its own text
        begins.
    """
    text = "".join(tokens)
    found: list[tuple[str, ...]] = []
    reader = _Reader()
    at = 0
    for token in tokens:
        lead = len(token) - len(token.lstrip()) if token.strip() else 0
        for i in range(at, at + lead):
            reader.take(text, i)
        found.append(reader.state())
        for i in range(at + lead, at + len(token)):
            reader.take(text, i)
        at += len(token)
    return found


class _Reader:
    """State of a walk through a text."""

    def __init__(self) -> None:
        self.quote, self.depth = "", 0
        self.in_comment = self.at_line_start = False

    def state(self) -> tuple[str, ...]:
        held = ("quotes", self.quote), ("brackets", self.depth), ("a comment", self.in_comment)
        return tuple(name for name, is_on in (*held, ("line start", self.at_line_start)) if is_on)

    def take(self, text: str, i: int) -> None:
        character = text[i]
        if character == "\n":
            self.in_comment, self.at_line_start = False, True
            return
        self.at_line_start = self.at_line_start and character in " \t"
        if self.in_comment:
            return
        if character in "\"'" and not _is_apostrophe(text, i):
            if not self.quote:
                self.quote = character
            elif self.quote == character:
                self.quote = ""
        elif not self.quote:
            self.in_comment = character == "#" or text[i : i + 2] == "//"
            self.depth = max(0, self.depth + (character in _OPEN) - (character in _CLOSE))


def _is_apostrophe(text: str, i: int) -> bool:
    return text[i] == "'" and i > 0 and text[i - 1].isalpha() and i + 1 < len(text) and text[i + 1].isalpha()
