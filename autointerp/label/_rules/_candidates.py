"""Conditions worth trying: only those that hold at the peaks of the feature's own contexts."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from autointerp.harvest import Context
from autointerp.label._rules._rule import FIRST, MAX_TOKENS, Atom
from autointerp.label._rules._surroundings import surroundings
from autointerp.label._rules._token_tests import CLASSES, bare

_LISTED = ("punctuation", "digits")
"""Classes of which a rule may list members."""
_STEM = 4
"""Letters that words must begin with in common to be listed together."""
_MAX_VALUE = 24
"""Characters of the longest token a label names."""


def candidates(positives: Sequence[Context], weights: Sequence[float]) -> Counter[Atom]:
    """Conditions and how much of the peaks each holds at.

    Args:
        positives: Contexts that the feature fires in.
        weights: Of each; they sum to 1.

    Returns:
        Condition -> weight of the peaks it holds at; exact for single values.
    """
    held: Counter[Atom] = Counter()
    for context, weight in zip(positives, weights, strict=True):
        for atom in set(_at_peak(context)):
            held[atom] += weight  # type: ignore[assignment]  # counters of floats
    for atom in _lists(held):
        held[atom] = sum(held[Atom("here", atom.test, (value,))] for value in atom.values)
    return held


def _at_peak(context: Context) -> Iterator[Atom]:
    tokens, peak = context.tokens, context.peak
    yield from _of_text(tokens[peak])
    if peak > 0:
        yield from _relative("after", tokens[peak - 1])
        yield from _relative("next to", tokens[peak - 1])
    if peak > 1:
        yield from _relative("two after", tokens[peak - 2])
    if peak + 1 < len(tokens):
        yield from _relative("before", tokens[peak + 1])
        yield from _relative("next to", tokens[peak + 1])
    for name in surroundings(tokens)[peak]:
        yield Atom("here", "line start") if name == "line start" else Atom("here", "inside", (name,))
    for first in FIRST:
        if context.position < int(first):
            yield Atom("here", "first", (first,))


@functools.lru_cache(maxsize=50_000)
def _of_text(text: str) -> tuple[Atom, ...]:
    word = bare(text)
    found = [Atom("here", "class", (name,)) for name, is_one in CLASSES.items() if is_one(text)]
    if len(text) <= _MAX_VALUE:
        found += [Atom("here", "token", (text,)), Atom("here", "word", (word,))]
    if not word.isspace():
        for length in range(2, min(_STEM + 1, len(word))):
            found += [Atom("here", "starting", (word[:length],)), Atom("here", "ending", (word[-length:],))]
        for length in range(3, min(6, len(word) - 1)):
            found += [Atom("here", "containing", (word[i : i + length],)) for i in range(len(word) - length + 1)]
    return tuple(found)


@functools.lru_cache(maxsize=50_000)
def _relative(where: str, text: str) -> tuple[Atom, ...]:
    found = [Atom(where, "class", (name,)) for name, is_one in CLASSES.items() if is_one(text)]
    return (*found, Atom(where, "word", (bare(text),))) if len(text) <= _MAX_VALUE else tuple(found)


def _lists(held: Counter[Atom]) -> list[Atom]:
    """Short lists of tokens of one class, or of words with one stem; never of anything else."""
    families: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for atom, _ in sorted(held.items(), key=lambda item: (-item[1], item[0])):
        if atom.where != "here" or atom.test not in ("token", "word"):
            continue
        text = atom.values[0]
        if atom.test == "token":
            for name in _LISTED:
                if CLASSES[name](text):
                    families["token", name].append(text)
        elif len(text) >= _STEM and text.isalpha():
            families["word", text[:_STEM]].append(text)
    return [
        Atom("here", test, tuple(sorted(members[:size])))
        for (test, _), members in families.items()
        for size in range(2, min(MAX_TOKENS, len(members)) + 1)
    ]
