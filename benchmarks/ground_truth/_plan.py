"""Which features are planted."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.ground_truth._known import Known
from benchmarks.ground_truth._noise import BOTH, FURTHER_LEVELS, MAIN_LEVELS, MODERATE, NONE, Noise
from benchmarks.ground_truth._truth import Part, Planted, Sort


class Mix(NamedTuple):
    """Shares of the meanings of a union, and how many unions have them."""

    name: str
    shares: tuple[float, ...]
    slack: float
    """How far the shares of real predicates may be off."""
    n: int


MIXES = (
    Mix("50 / 50", (0.5, 0.5), 0.04, 12),
    Mix("70 / 30", (0.7, 0.3), 0.04, 12),
    Mix("85 / 15", (0.85, 0.15), 0.03, 12),
    Mix("90 / 10", (0.9, 0.1), 0.02, 12),
    Mix("three alike", (1 / 3, 1 / 3, 1 / 3), 0.08, 8),
    Mix("60 / 25 / 15", (0.6, 0.25, 0.15), 0.06, 8),
    Mix("four alike", (0.25, 0.25, 0.25, 0.25), 0.08, 8),
)
BOTTOM = Mix("weakest tenth", (0.9, 0.1), 0.02, 24)
"""The second meaning supplies the weakest tenth of the activations, and nothing above."""
MAX_OVERLAP = 0.02
"""Unrelated meanings hold together at no more than this share of the rarer one's places."""
NOISE_DENSITIES = (0.001, 0.003, 0.01)
N_NOISE = 8
"""Features of pure noise at each density."""
N_POSITION = 6
UNION_LEVELS = (NONE, MODERATE, BOTH)
"""Noise levels that unions are planted at."""
_MOST_TRIES = 20_000


def plan(known: Known, *, seed: int) -> list[Planted]:
    """All features, numbered from 0.

    Unions are made of meanings that the rules labeler can express, each of its own kind, and seldom in one place:
    calling a union of others POLYSEMANTIC would be no achievement.

    Args:
        known: What the text has.
        seed: Of the draws of unions.
    """
    draws = _Draws(known, seed)
    features = [*_singles(known)]
    for mix in MIXES:
        for parts in draws.unions(mix):
            features += [_planted(known, "union", mix.name, parts, noise) for noise in UNION_LEVELS]
    for parts in draws.unions(BOTTOM):
        features += [_planted(known, "bottom", BOTTOM.name, parts, noise) for noise in UNION_LEVELS]
    for density in NOISE_DENSITIES:
        rate = f"{100 * density:g} % of tokens"
        features += [Planted(feature=0, sort="noise", mix=rate, noise="pure", false_rate=density)] * N_NOISE
    for sort in ("position 0", "position twin"):
        features += [Planted(feature=0, sort=sort, mix=sort, noise="none")] * N_POSITION
    return [one.model_copy(update={"feature": number}) for number, one in enumerate(features)]


def _singles(known: Known) -> Iterator[Planted]:
    names = [name for name in known.meanings if name not in known.more]
    for number, name in enumerate(names):
        kind = known.meanings[name].kind
        levels = (*MAIN_LEVELS, *FURTHER_LEVELS) if number % 3 == 0 else MAIN_LEVELS
        for noise in levels:
            yield _planted(known, "single", kind, (Part(name=name, share=1.0),), noise)


def _planted(known: Known, sort: Sort, mix: str, parts: tuple[Part, ...], noise: Noise) -> Planted:
    holds = np.any([known.masks[part.name] for part in parts], axis=0) & known.counted
    fires, others = (1 - noise.missed) * holds.sum(), known.counted.sum() - holds.sum()
    rate = noise.false / (1 - noise.false) * fires / others
    return Planted(
        feature=0, sort=sort, mix=mix, noise=noise.name, parts=parts, missed=noise.missed, false_rate=float(rate)
    )


class _Draws:
    """Draws unions of unrelated meanings with given shares."""

    def __init__(self, known: Known, seed: int) -> None:
        self._known, self._random = known, random.Random(seed)
        self._names = [name for name, meaning in known.meanings.items() if meaning.is_inside]
        self._hits = {name: known.hits(name) for name in self._names}
        self._is_marks = {name: _is_marks(known, name) for name in self._names}

    def unions(self, mix: Mix) -> list[tuple[Part, ...]]:
        """Up to ``mix.n`` of them, no two alike, their first meanings as different as can be had."""
        found: list[tuple[Part, ...]] = []
        seen: set[frozenset[str]] = set()
        used: Counter[str] = Counter()
        for _ in range(_MOST_TRIES):
            if len(found) == mix.n:
                break
            names = self._random.sample(self._names, len(mix.shares))
            names.sort(key=lambda name: -self._hits[name])
            total = sum(self._hits[name] for name in names)
            shares = [self._hits[name] / total for name in names]
            is_near = all(abs(a - b) <= mix.slack for a, b in zip(shares, mix.shares, strict=True))
            if is_near and frozenset(names) not in seen and used[names[0]] < 2 and self._are_unrelated(names):
                seen.add(frozenset(names))
                used[names[0]] += 1
                found.append(
                    tuple(Part(name=name, share=round(share, 4)) for name, share in zip(names, shares, strict=True))
                )
        return found

    def _are_unrelated(self, names: Sequence[str]) -> bool:
        kinds = {self._known.meanings[name].kind for name in names}
        if len(kinds) < min(len(names), 3) or sum(self._is_marks[name] for name in names) > 1:
            return False
        return all(self._overlap(a, b) <= MAX_OVERLAP for a, b in itertools.combinations(names, 2))

    def _overlap(self, first: str, second: str) -> float:
        known = self._known
        both = (known.masks[first] & known.masks[second] & known.counted).sum()
        return float(both / min(self._hits[first], self._hits[second]))


def _is_marks(known: Known, name: str) -> bool:
    """Whether most of the tokens it holds at are punctuation: two such meanings may well be one."""
    holds = known.masks[name] & known.counted
    return bool((known.text.here(_is_mark) & holds).sum() > 0.5 * holds.sum())


def _is_mark(piece: str) -> bool:
    return bool(piece.strip()) and not any(map(str.isalnum, piece))
