"""The shuffled-label null: every feature judged by another feature's label."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

NEAR = 0.5
"""Share of common words from which two labels count as the same."""
_EMPTY_WORDS = frozenset(
    {"'", '"', "\\", "a", "an", "and", "any", "in", "of", "on", "or", "the", "token", "tokens", "word", "words"}
)
"""Words that say nothing about which tokens are meant."""


def shuffled_donors(labels: Mapping[int, str], *, seed: int) -> dict[int, int]:
    """For each feature the feature whose label it is given: a seeded derangement.

    Args:
        labels: Feature -> label.
        seed: Of the order.

    Returns:
        Feature -> donor; each label is given away at most once, never to a feature that has a near-identical label.
        Features for which that can't be had are missing.
    """
    features = sorted(labels)
    order = [features[i] for i in np.random.default_rng([seed, len(features)]).permutation(len(features))]
    words = {feature: _words(labels[feature]) for feature in features}
    donors = order[1:] + order[:1]

    def clash(taker: int, donor: int) -> bool:
        return taker == donor or _near(words[taker], words[donor])

    for i, taker in enumerate(order):
        if clash(taker, donors[i]):
            for j, other in enumerate(order):
                if not clash(taker, donors[j]) and not clash(other, donors[i]):
                    donors[i], donors[j] = donors[j], donors[i]
                    break
    return {taker: donor for taker, donor in sorted(zip(order, donors, strict=True)) if not clash(taker, donor)}


def label_overlap(first: str, second: str) -> float:
    """Share of the words of two labels that both have, without those that say nothing: from 0 to 1."""
    return _overlap(_words(first), _words(second))


def _words(label: str) -> frozenset[str]:
    words = frozenset(re.findall(r"\w+|[^\w\s]", label.casefold()))
    return words - _EMPTY_WORDS or words


def _near(first: frozenset[str], second: frozenset[str]) -> bool:
    return _overlap(first, second) >= NEAR


def _overlap(first: frozenset[str], second: frozenset[str]) -> float:
    return len(first & second) / len(first | second) if first or second else 1.0
