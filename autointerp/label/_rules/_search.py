"""The rules labeler: the simplest readable rule that tells a feature's contexts from its negatives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest import Context
from autointerp.label._rules._candidates import candidates
from autointerp.label._rules._grammar import describe
from autointerp.label._rules._rule import Atom, Rule
from autointerp.label._rules._slices import Mask, Slices

MIN_RECALL = 0.9
"""The bar: share of the feature's energy at whose peaks a rule holds. What it misses may be a second meaning."""
MAX_FALSE = 0.25
"""Share of the negatives in which it may hold: half of the hard ones, where the feature is off on its own token."""
MARGIN = 0.03
"""F1 that a less simple rule has to add."""
MAX_LABEL = 80
"""Characters."""
MAX_ATOMS = 60
"""Conditions that are combined in pairs."""

_COST = {"token": 0, "word": 1, "class": 2, "ending": 3, "starting": 3, "containing": 4}
_PAIR_COST = 20

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A rule, and how it does on the contexts it was found in."""

    rule: Rule
    f1: float
    """2 recall / (1 + recall + false alarm rate): F1 where both classes weigh the same."""
    recall: float
    """Share of the energy, see ``weigh``."""
    false: float
    """Share of the negatives."""
    hits: tuple[bool, ...]
    """Whether it holds at each positive's peak."""
    n_false: int
    """Negatives in which it holds at any token."""

    @property
    def reaches_the_bar(self) -> bool:
        """Whether the rule may be a label."""
        return self.recall >= MIN_RECALL and self.false <= MAX_FALSE


def search(positives: Sequence[Context], negatives: Sequence[Context]) -> Fit | None:
    """The best rule, whether it reaches the bar or not.

    Args:
        positives: Contexts that the feature fires in; at least one.
        negatives: Contexts that it is silent in; at least one.

    Returns:
        Of the rules that reach the bar the simplest among the best; if none does, the one with the best F1; None
        where nothing can be said about any peak.
    """
    held = candidates(positives, weigh(positives).tolist())
    table = _Table(positives, negatives)
    ranked = sorted(held, key=lambda atom: (-held[atom], cost_of((atom,)), atom))
    singles = [table.fit((atom,)) for atom in ranked[:MAX_ATOMS]]
    useful = [fit.rule.atoms[0] for fit in singles if fit.recall >= MIN_RECALL]
    fits = [fit for fit in singles + table.pairs(useful) if len(describe(fit.rule)) <= MAX_LABEL]
    good = [fit for fit in fits if fit.reaches_the_bar]
    if not good:
        return max(fits, key=lambda fit: fit.f1, default=None)
    best = max(fit.f1 for fit in good)
    near = [fit for fit in good if fit.f1 >= best - MARGIN]
    return min(near, key=lambda fit: (cost_of(fit.rule.atoms), -fit.f1, fit.rule.atoms))


class _Table:
    """Both kinds of contexts, with their weights.

    Shapes: p positives, n negatives, t tokens, k rules.
    """

    def __init__(self, positives: Sequence[Context], negatives: Sequence[Context]) -> None:
        self.positives, self.negatives = Slices(positives), Slices(negatives)
        self.weights = weigh(positives)  # [p]
        self.negative_weights = weigh(negatives)  # [n]

    def fit(self, atoms: tuple[Atom, ...]) -> Fit:
        """Look one rule up."""
        rule = Rule(atoms)
        hits = self.positives.at_peak(self.positives.holds(rule))
        return self._fit(rule, hits, self.negatives.anywhere(rule))

    def pairs(self, atoms: Sequence[Atom]) -> list[Fit]:
        """All sensible pairs, looked up at once; only those with enough recall come back."""
        ordered = sorted(atoms, key=lambda atom: not atom.is_about_the_token)
        chosen = [(a, b) for a, b in combinations(ordered, 2) if not b.is_about_the_token]
        if not chosen:
            return []
        at_peak = np.stack([self.positives.at_peak(self.positives.mask(atom)) for atom in ordered])  # [k, p]
        index = {atom: i for i, atom in enumerate(ordered)}
        hits = at_peak[[index[a] for a, _ in chosen]] & at_peak[[index[b] for _, b in chosen]]  # [pairs, p]
        return [
            self._fit(Rule(pair), hits[i], self.negatives.anywhere(Rule(pair)))
            for i, pair in enumerate(chosen)
            if hits[i] @ self.weights >= MIN_RECALL
        ]

    def _fit(self, rule: Rule, hits: Mask, alarms: Mask) -> Fit:
        recall, false = float(hits @ self.weights), float(alarms @ self.negative_weights)
        f1 = 2 * recall / (1 + recall + false)
        return Fit(rule, f1, recall, false, tuple(hits.tolist()), int(alarms.sum()))


def weigh(contexts: Sequence[Context]) -> Floats:
    """One weight a context, summing to 1.

    A context stands for its stratum (a tenth of the activations for a decile), and a positive counts by its activation
    squared: by what the feature adds there to the squared norm of the reconstruction. Where it barely fires is asked
    apart, on held-out text, by the bottom-10 % check.
    """
    sizes = Counter(context.stratum for context in contexts)
    energies = [context.activations[context.peak] ** 2 if context.is_positive else 1.0 for context in contexts]
    weights = np.array([energy / sizes[c.stratum] for c, energy in zip(contexts, energies, strict=True)])
    return np.asarray(weights / weights.sum())


def cost_of(atoms: tuple[Atom, ...]) -> int:
    """How much a reader has to hold in mind."""
    cost = _PAIR_COST * (len(atoms) - 1)
    for atom in atoms:
        around = 0 if atom.where == "here" else 2
        cost += _COST.get(atom.test, 5) + around + 3 * (len(atom.values) > 1)
    return cost
