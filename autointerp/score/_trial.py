"""The held-out contexts of one feature, as a judge sees them: blinded and shuffled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from autointerp.harvest import DECILES, Context

PER_DECILE = 2
"""Contexts of each decile that detection counts, so that they are a fair sample of the feature's activations."""


@dataclass(frozen=True)
class Trial:
    """What a judge is asked about."""

    feature: int
    contexts: tuple[Context, ...]
    """Distinct places of the score split, in a seeded order that tells nothing."""
    strata: tuple[frozenset[str], ...]
    """Of each context; a place can be in several."""
    counted: tuple[bool, ...]
    """Whether detection counts a context: all negatives, and as many of each decile. More weak ones are judged for the
    bottom-10 % check alone."""

    @property
    def truth(self) -> tuple[bool, ...]:
        """Whether the feature fires, context by context."""
        return tuple(context.is_positive for context in self.contexts)

    @property
    def has_both(self) -> bool:
        """Whether there is something to find and something to leave alone."""
        return len({fires for fires, counts in zip(self.truth, self.counted, strict=True) if counts}) == 2

    def members(self, stratum: str) -> list[int]:
        """Indices of a stratum's contexts."""
        return [i for i, strata in enumerate(self.strata) if stratum in strata]


def make_trial(feature: int, contexts: Iterable[Context], *, seed: int) -> Trial:
    """Collect, merge and shuffle.

    Args:
        feature: Its id.
        contexts: All of the feature's; those of the explain split are left out.
        seed: Of the run; the order depends on it and the feature alone.
    """
    places: dict[tuple[int, int], Context] = {}
    strata: dict[tuple[int, int], set[str]] = {}
    counted: set[tuple[int, int]] = set()
    for context in contexts:
        if context.split == "score":
            place = context.window, context.position
            places.setdefault(place, context)
            strata.setdefault(place, set()).add(context.stratum)
            if not context.is_positive or (context.stratum in DECILES and context.rank < PER_DECILE):
                counted.add(place)
    known = sorted(places)
    order = [known[i] for i in np.random.default_rng([seed, feature]).permutation(len(known))]
    return Trial(
        feature,
        tuple(places[place] for place in order),
        tuple(frozenset(strata[place]) for place in order),
        tuple(place in counted for place in order),
    )
