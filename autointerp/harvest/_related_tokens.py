"""Tokens that look like a token: where a feature never is off on its own, the next best to test it on."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict

MAX_RELATED = 8
"""Related tokens taken, of each kind."""
KINDS = ("folded", "prefix", "character_class")
"""From near to far: equal but for case and spaces around; the same first three characters; the same sort of token."""
_PREFIX_LENGTH = 3


class RelatedTokens:
    """Finds, among the tokens of a text, those that look like a given one."""

    def __init__(self, pieces: dict[int, str]) -> None:
        """Args: token id -> its text, for every token that may be given out."""
        self._pieces = pieces
        self._looks = {token: _looks(piece) for token, piece in pieces.items()}
        self._groups: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)  # (length, token), ascending
        for token in sorted(pieces, key=lambda token: (len(pieces[token]), token)):
            for kind, looks in self._looks[token].items():
                self._groups[kind, looks].append((len(pieces[token]), token))

    def find(self, token: int, kind: str, *, exclude: set[int]) -> list[int]:
        """At most 8 tokens related to one, nearest in length first.

        Args:
            token: A token that the finder knows.
            kind: One of ``KINDS``; what is related in a nearer way is left out.
            exclude: Never given out.
        """
        here = self._looks[token]
        if kind not in here:
            return []
        length = len(self._pieces[token])
        group = self._groups[kind, here[kind]]
        at, reach = bisect_left(group, (length, token)), 2 * MAX_RELATED + len(exclude)
        found = sorted((abs(n - length), other) for n, other in group[max(0, at - reach) : at + reach + 1])
        return [other for _, other in found if other not in exclude | {token} and self._kind(here, other) == kind][
            :MAX_RELATED
        ]

    def _kind(self, here: dict[str, str], other: int) -> str:
        """The nearest way in which another token is related."""
        there = self._looks[other]
        return next(kind for kind in KINDS if kind in here and here[kind] == there.get(kind))


def _looks(piece: str) -> dict[str, str]:
    """What a token is compared by, one entry a kind that applies to it."""
    word = piece.strip()
    folded = word.casefold()
    looks = {"folded": folded} if folded else {}
    if len(folded) >= _PREFIX_LENGTH:
        looks["prefix"] = folded[:_PREFIX_LENGTH]
    return looks | {"character_class": f"{_sort(word)}{' after a space' if piece[:1] == ' ' else ''}"}


def _sort(word: str) -> str:
    """Letters by case, digits, punctuation, a mixture, or nothing."""
    if not word:
        return "space"
    if word.isalpha():
        return "upper" if word.isupper() else "title" if word.istitle() else "lower" if word.islower() else "letters"
    if word.isdigit():
        return "digits"
    return "mixture" if any(map(str.isalnum, word)) else "punctuation"
