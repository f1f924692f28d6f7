"""Rules as labels, and labels as rules again.

A label is one or two phrases: ``token 'self' after '('``. Values are written as Python strings, so every token can be
named on one printable line and read back exactly.
"""

from __future__ import annotations

import ast
import re

from autointerp.errors import UsageError
from autointerp.label._rules._rule import FIRST, INSIDES, Atom, Rule
from autointerp.label._rules._token_tests import CLASSES

_QUOTED = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_LIST = rf"{_QUOTED}(?:, {_QUOTED})*(?: or {_QUOTED})?"
_CLASS = "|".join(map(re.escape, CLASSES))
_PHRASE = re.compile(
    rf"(?P<many>token|word) (?P<list>{_LIST})"
    rf"|token (?P<affix>starting with|ending in|containing) (?P<part>{_QUOTED})"
    rf"|(?:(?P<where>two after|after|before|next to) )?(?:any (?P<class>{_CLASS})|(?P<word>{_QUOTED}))"
    rf"|inside (?P<inside>{'|'.join(INSIDES)})"
    rf"|(?P<line>at line start)"
    rf"|in first (?P<first>{'|'.join(FIRST)}) positions"
)
_AFFIXES = {"starting": "starting with", "ending": "ending in", "containing": "containing"}


def describe(rule: Rule) -> str:
    """The rule in words, on one printable line."""
    return " ".join(_phrase(atom) for atom in rule.atoms)


def parse(label: str) -> Rule:
    """The rule that a label states.

    Args:
        label: As ``describe`` wrote it.

    Raises:
        UsageError: It is not in the grammar.
    """
    atoms: list[Atom] = []
    at = 0
    while at < len(label):
        found = _PHRASE.match(label, at + bool(atoms))
        if not found or (atoms and label[at] != " "):
            raise UsageError(f"{label!r} is not a label of the rules labeler.")
        atoms.append(_atom(found))
        at = found.end()
    return Rule(tuple(atoms))


def _phrase(atom: Atom) -> str:
    quoted = [repr(value) for value in atom.values]
    match atom.test:
        case "class":
            here = f"any {atom.values[0]}"
        case "token" | "word" if atom.where == "here":
            here = f"{atom.test} {_joined(quoted)}"
        case "word":
            here = quoted[0]
        case "inside":
            here = f"inside {atom.values[0]}"
        case "line start":
            here = "at line start"
        case "first":
            here = f"in first {atom.values[0]} positions"
        case affix:
            here = f"token {_AFFIXES[affix]} {quoted[0]}"
    return here if atom.where == "here" else f"{atom.where} {here}"


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _atom(found: re.Match[str]) -> Atom:
    where = found["where"] or "here"
    if found["many"]:
        return Atom("here", found["many"], tuple(_value(text) for text in re.findall(_QUOTED, found["list"])))
    if found["affix"]:
        return Atom("here", found["affix"].split()[0], (_value(found["part"]),))
    if found["class"]:
        return Atom(where, "class", (found["class"],))
    if found["word"]:
        return Atom(where, "word", (_value(found["word"]),)) if found["where"] else _not_a_phrase(found)
    if found["inside"]:
        return Atom("here", "inside", (found["inside"],))
    return Atom("here", "line start") if found["line"] else Atom("here", "first", (found["first"],))


def _value(quoted: str) -> str:
    return str(ast.literal_eval(quoted))


def _not_a_phrase(found: re.Match[str]) -> Atom:
    raise UsageError(f"{found.string!r} is not a label of the rules labeler: {found['word']} stands alone.")
