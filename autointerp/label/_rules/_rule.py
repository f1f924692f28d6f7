"""A rule: one or two conditions on a token and what stands around it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from autointerp.errors import UsageError
from autointerp.label._rules._token_tests import CLASSES

WHERES = ("here", "after", "two after", "before", "next to")
TOKEN_TESTS = ("token", "word", "starting", "ending", "containing", "class")
INSIDES = ("quotes", "brackets", "a comment")
FIRST = ("2", "4", "8", "16")
"""Lengths of a window's beginning that a rule can name."""
MAX_TOKENS = 4
"""Tokens or words a rule may list."""


class Atom(NamedTuple):
    """One condition. A tuple, because thousands are made and compared."""

    where: str
    """Which token is looked at, from the one in question: ``here``, ``after`` (the one before it), ..."""
    test: str
    """One of ``TOKEN_TESTS``; or, about the token's place: ``inside``, ``line start``, ``first``."""
    values: tuple[str, ...] = ()
    """Alternatives for ``token`` and ``word``; else one value, or none for ``line start``."""

    @property
    def is_valid(self) -> bool:
        """Whether this is a condition of the grammar."""
        if self.where not in WHERES:
            return False
        if self.where != "here":
            return self.test in ("word", "class") and len(self.values) == 1 and self._has_value
        return self._has_value

    @property
    def _has_value(self) -> bool:
        one = len(self.values) == 1
        match self.test:
            case "token" | "word":
                return 1 <= len(self.values) <= MAX_TOKENS and all(self.values)
            case "starting" | "ending" | "containing":
                return one and self.values[0] != ""
            case "class":
                return one and self.values[0] in CLASSES
            case "inside":
                return one and self.values[0] in INSIDES
            case "first":
                return one and self.values[0] in FIRST
        return self.test == "line start" and not self.values

    @property
    def is_about_the_token(self) -> bool:
        """Whether it looks at the token itself, not around it."""
        return self.where == "here" and self.test in TOKEN_TESTS


@dataclass(frozen=True)
class Rule:
    """Holds at a token where all its conditions do."""

    atoms: tuple[Atom, ...]
    """One or two; at most one of them about the token itself, and that one first."""

    def __post_init__(self) -> None:
        """Refuse what the grammar can't say.

        Raises:
            UsageError: A condition is unknown, or they don't go together.
        """
        about = [atom.is_about_the_token for atom in self.atoms]
        if not 1 <= len(self.atoms) <= 2 or any(about[1:]) or not all(atom.is_valid for atom in self.atoms):
            raise UsageError(f"not a rule: {self.atoms!r}. Label the features again with the rules labeler.")

    def to_json(self) -> str:
        """One line; ``from_json`` reads it back."""
        return json.dumps([atom._asdict() for atom in self.atoms], ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a rule back.

        Raises:
            UsageError: It is not one.
        """
        try:
            return cls(tuple(_atom(item) for item in json.loads(text)))
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(f"not a rule: {text!r}. Label the features again with the rules labeler.") from error


def _atom(item: dict[str, Any]) -> Atom:
    return Atom(str(item["where"]), str(item["test"]), tuple(str(value) for value in item["values"]))
