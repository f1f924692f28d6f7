"""Contexts as one table, on which a rule is looked up at every token at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest import Context
from autointerp.label._rules._rule import Atom, Rule
from autointerp.label._rules._surroundings import surroundings
from autointerp.label._rules._token_tests import token_test

Mask = NDArray[np.bool_]


class Slices:
    """n contexts of at most t tokens.

    Shapes: n contexts, t tokens of the longest.
    """

    def __init__(self, contexts: Sequence[Context]) -> None:
        """Args: at least one context."""
        self.contexts = tuple(contexts)
        self.shape = len(contexts), max(len(context.tokens) for context in contexts)
        known: dict[str, int] = {}
        self._ids = np.full(self.shape, -1, dtype=np.int64)  # [n, t], -1 past the end
        for row, context in enumerate(contexts):
            self._ids[row, : len(context.tokens)] = [known.setdefault(text, len(known)) for text in context.tokens]
        self._texts = tuple(known)
        self._rows = np.arange(len(contexts))
        self._peaks = np.array([context.peak for context in contexts])
        self._known: dict[Atom, Mask] = {}

    @cached_property
    def _surroundings(self) -> dict[str, Mask]:
        masks = {name: np.zeros(self.shape, dtype=bool) for name in ("quotes", "brackets", "a comment", "line start")}
        for row, context in enumerate(self.contexts):
            for column, names in enumerate(surroundings(context.tokens)):
                for name in names:
                    masks[name][row, column] = True
        return masks

    @cached_property
    def _positions(self) -> NDArray[np.int64]:
        starts = np.array([context.position - context.peak for context in self.contexts])
        return starts[:, None] + np.arange(self.shape[1])  # [n, t]

    def mask(self, atom: Atom) -> Mask:
        """Where a condition holds, [n, t]."""
        found = self._known.get(atom)
        if found is None:
            found = self._known[atom] = self._mask(atom)
        return found

    def _mask(self, atom: Atom) -> Mask:
        if atom.test == "first":
            return (self._positions < int(atom.values[0])) & (self._ids >= 0)
        if atom.test in ("inside", "line start"):
            return self._surroundings[atom.values[0] if atom.values else atom.test]
        test = token_test(atom.test, atom.values)
        of_text = np.fromiter((test(text) for text in self._texts), dtype=bool, count=len(self._texts))
        here: Mask = of_text[self._ids] & (self._ids >= 0)
        match atom.where:
            case "after":
                return self._shifted(here, 1)
            case "two after":
                return self._shifted(here, 2)
            case "before":
                return self._shifted(here, -1)
            case "next to":
                return self._shifted(here, 1) | self._shifted(here, -1)
        return here

    def _shifted(self, mask: Mask, by: int) -> Mask:
        moved = np.zeros_like(mask)
        if by > 0:
            moved[:, by:] = mask[:, :-by]
        else:
            moved[:, :by] = mask[:, -by:]
        return moved & (self._ids >= 0)

    def at_peak(self, mask: Mask) -> Mask:
        """A mask's values at the peaks, [n, t] -> [n]."""
        at_peak: Mask = mask[self._rows, self._peaks]
        return at_peak

    def anywhere(self, rule: Rule) -> Mask:
        """Whether a rule holds at any token of each context, [n]."""
        return np.asarray(self.holds(rule).any(axis=1))

    def holds(self, rule: Rule) -> Mask:
        """Where a rule holds, [n, t]."""
        found = self.mask(rule.atoms[0])
        for atom in rule.atoms[1:]:
            found = found & self.mask(atom)
        return found


def rule_holds(rule: Rule, contexts: Sequence[Context]) -> list[list[bool]]:
    """Whether the rule holds, token by token of each context."""
    if not contexts:
        return []
    masks = Slices(contexts).holds(rule)  # [n, t]
    return [mask[: len(context.tokens)].tolist() for mask, context in zip(masks, contexts, strict=True)]


def rule_fires(rule: Rule, contexts: Sequence[Context]) -> list[bool]:
    """The rules judge: whether the rule holds at any token of each context."""
    return Slices(contexts).anywhere(rule).tolist() if contexts else []
