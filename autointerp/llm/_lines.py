"""Answers in a file of JSON lines: read one by one, so that a torn or foreign line costs only itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autointerp.llm._validate import NotJSONError, parse_json


@dataclass
class Lines:
    """What a file of answers holds."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By ``custom_id``: the fields that were asked for."""
    conflicts: set[str] = field(default_factory=set)
    """Ids that are answered more than once, and not alike; they are not among the answers."""
    unreadable: list[int] = field(default_factory=list)
    """Numbers, from 1, of the lines that are no JSON object with a ``custom_id``: torn, or not for us."""
    n_unknown: int = 0
    """Lines whose id nobody asked for."""

    def notes(self) -> str:
        """What was left out and why, in a few words; "" where nothing was."""
        first = f", the first is line {self.unreadable[0]}" if self.unreadable else ""
        counts = {
            f"torn or unreadable lines{first}": len(self.unreadable),
            "lines with ids that were not asked for": self.n_unknown,
            "ids answered twice and not alike": len(self.conflicts),
        }
        return "; ".join(f"{what}: {n}" for what, n in counts.items() if n)


def read_lines(path: Path, *, known: Collection[str], fields: Sequence[str]) -> Lines:
    """Read a file of answers, in any order.

    The same answer twice counts once. Of an id with different answers none is taken: nobody could say which is right.

    Args:
        path: UTF-8, a JSON object a line; a byte order mark, Windows line ends and empty lines do no harm.
        known: Ids that were asked for.
        fields: What makes an answer; the rest of a line is left out, and not compared.

    Raises:
        OSError: The file can't be read.
    """
    found = Lines()
    known = frozenset(known)
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                _take(found, number, line, known, fields)
    for key in found.conflicts:
        del found.answers[key]
    return found


def _take(found: Lines, number: int, line: bytes, known: frozenset[str], fields: Sequence[str]) -> None:
    try:
        value = parse_json(line.decode().removeprefix("\ufeff").strip())
    except (NotJSONError, UnicodeDecodeError):
        value = None
    key = value.get("custom_id") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(key, str):
        found.unreadable.append(number)
    elif key not in known:
        found.n_unknown += 1
    elif found.answers.setdefault(key, answer := {name: value.get(name) for name in fields}) != answer:
        found.conflicts.add(key)
