"""A second meaning: what the peaks that a rule misses have in common, beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autointerp.harvest import Context
from autointerp.label._rules._candidates import candidates
from autointerp.label._rules._rule import Atom, Rule
from autointerp.label._rules._search import Fit, cost_of, weigh
from autointerp.label._rules._slices import Slices
from autointerp.label._rules._token_tests import bare
from autointerp.stats import fisher_greater

LEVEL = 0.01
"""Chance, over all conditions tried, that peaks drawn at random have as much in common."""
MIN_ENERGY = 0.02
"""Share of the feature's energy that a second meaning needs. What is weaker is left to the bottom-10 % check."""
_STEM = 3


@dataclass(frozen=True)
class Second:
    """A condition that many of the missed peaks share."""

    rule: Rule
    n_hits: int
    n_missed: int
    """Peaks that the first rule misses, without those on tokens that look like the ones it holds at."""


def second_meaning(fit: Fit, positives: Sequence[Context], negatives: Sequence[Context]) -> Second | None:
    """Look for a meaning apart from the one found.

    Tokens that fire by accident have nothing in common; a second meaning has. A condition counts when it holds at more
    of the missed peaks than at the tokens of the negatives, by a one-sided Fisher test corrected for the number of
    conditions tried.

    Args:
        fit: The first meaning.
        positives: Those that it was found in.
        negatives: Contexts that the feature is silent in.

    Returns:
        The least likely of the conditions that pass; None where the missed peaks look like accidents.
    """
    own = {_peak(context) for context, hit in zip(positives, fit.hits, strict=True) if hit}
    weights = weigh(positives)
    missed = [i for i, hit in enumerate(fit.hits) if not hit and not _looks_like_any(_peak(positives[i]), own)]
    if len(missed) < 2:
        return None
    contexts = [positives[i] for i in missed]
    there, elsewhere = Slices(contexts), Slices(negatives)
    n_tokens = sum(len(context.tokens) for context in negatives)
    tried = candidates(contexts, [1 / len(missed)] * len(missed))
    found: list[tuple[float, int, Atom, int]] = []
    for atom in tried:
        hits = there.at_peak(there.mask(atom))
        n_hits = int(hits.sum())
        if n_hits > 1 and float(weights[missed] @ hits) >= MIN_ENERGY:
            p = len(tried) * fisher_greater(n_hits, len(missed), int(elsewhere.mask(atom).sum()), n_tokens)
            found.append((p, cost_of((atom,)), atom, n_hits))
    if not found or min(found)[0] >= LEVEL:
        return None
    _, _, atom, n_hits = min(found)
    return Second(Rule((atom,)), n_hits, len(missed))


def _peak(context: Context) -> str:
    return bare(context.tokens[context.peak])


def _looks_like_any(text: str, others: set[str]) -> bool:
    """Whether a token is a variant of another: part of it, with its beginning, or punctuation like it."""
    return any(
        text in other
        or other in text
        or text[:_STEM] == other[:_STEM]
        or not (_has_letters(text) or _has_letters(other))
        for other in others
    )


def _has_letters(text: str) -> bool:
    return any(map(str.isalnum, text))
