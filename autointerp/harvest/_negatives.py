"""Where a feature might be off: places proposed from the pools; those the model confirms become negatives."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest._config import ContextConfig
from autointerp.harvest._context import Split
from autointerp.harvest._keys import mix, salts
from autointerp.harvest._pools import Pools
from autointerp.harvest._proposals import Proposals
from autointerp.harvest._related_tokens import KINDS, RelatedTokens

if TYPE_CHECKING:
    from autointerp.corpus import Windows
    from autointerp.subject import Subject

I64 = NDArray[np.int64]
RANDOM_FACTOR = 3
"""Random places proposed a negative wanted, and more for features that are often on."""
MOST_RANDOM_FACTOR = 32
RELATED_FACTOR = 3
"""Places of related tokens proposed a hard negative wanted, a kind. Of the feature's own tokens it is one place and not
more: a longer search finds silence more often than it occurs, and a feature that misses one of its tokens in ten at
random would mostly be tested on its misses, in which a right label says that it fires."""


def propose_negatives(
    positives: Sequence[Proposals],
    features: Sequence[int],
    density: NDArray[np.float64],
    *,
    split: Split,
    pools: Pools,
    subject: Subject,
    windows: Windows,
    config: ContextConfig,
) -> list[Proposals]:
    """Propose places for both strata of negatives of one split.

    Args:
        positives: Proposed for these features in this split; the tokens they stand on make the hard negatives.
        features: Which.
        density: Share of tokens each feature is active on in this split, [F].
        split: Its name.
        pools: Of this split.
        subject: Spells tokens.
        windows: The text.
        config: How many are wanted.
    """
    peaks: dict[int, Counter[int]] = {feature: Counter() for feature in features}
    for some in positives:
        peaks[some.feature].update(np.asarray(windows.tokens)[np.divmod(some.place, windows.context_length)].tolist())
    salt = dict(zip(features, salts(config.seed, np.array(features, np.int64), purpose="negative"), strict=True))
    n_random, n_hard = (config.counts(split).get(f"negative_{kind}", 0) for kind in ("random", "hard"))
    proposals = []
    for feature in features:
        n = _random_proposals(n_random, float(density[feature]), config.length)
        place = _first(pools.uniform, n, salt[feature])
        proposals.append(Proposals(feature, split, "negative_random", place, fallback=("",) * len(place)))
    if n_hard:
        hard = _HardNegatives(peaks, pools, subject)
        proposals += [hard.propose(feature, n_hard, split, salt[feature]) for feature in features]
    return proposals


class _HardNegatives:
    """Proposes places of a feature's peak tokens, then of tokens that look like them."""

    def __init__(self, peaks: dict[int, Counter[int]], pools: Pools, subject: Subject) -> None:
        self._peaks = peaks
        present = np.flatnonzero(pools.token_counts).tolist()
        related = RelatedTokens(dict(zip(present, subject.pieces(present), strict=True)))
        known = set(present)
        self._sources: dict[tuple[int, int], dict[str, list[int]]] = {}  # (feature, peak token) -> kind -> tokens
        for feature, tokens in peaks.items():
            own = set(tokens)
            for token in own & known:
                sources = {kind: related.find(token, kind, exclude=own) for kind in KINDS}
                self._sources[feature, token] = {"": [token]} | sources
        wanted = {t for kinds in self._sources.values() for tokens in kinds.values() for t in tokens}
        self._pool = pools.of_tokens(np.array(sorted(wanted), np.int64))

    def propose(self, feature: int, n: int, split: Split, salt: np.uint64) -> Proposals:
        """Places in order of kind; within a kind, peak tokens get shares by how often they are peaks.

        The first kind is ``n`` places drawn from the feature's own tokens, whether it is on there or off: as many of
        them become hard negatives as the feature is silent on, the rest are near tokens.
        """
        tokens = [
            (token, count) for token, count in sorted(self._peaks[feature].items()) if (feature, token) in self._sources
        ]
        total = sum(count for _, count in tokens)
        places: list[I64] = []
        fallback: list[str] = []
        for kind in ("", *KINDS):
            n_kind = n * (RELATED_FACTOR if kind else 1)
            found = [
                _first(self._pool_of(self._sources[feature, token][kind]), math.ceil(n_kind * count / total), salt)
                for token, count in tokens
            ]
            place = _first(np.concatenate(found), n_kind, salt) if found else np.zeros(0, np.int64)
            places.append(place)
            fallback += [kind] * len(place)
        return Proposals(feature, split, "negative_hard", np.concatenate(places), fallback=tuple(fallback))

    def _pool_of(self, tokens: list[int]) -> I64:
        return np.concatenate([self._pool[token] for token in tokens]) if tokens else np.zeros(0, np.int64)


def _first(place: I64, n: int, salt: np.uint64) -> I64:
    """The first ``n`` distinct places in the salt's random order."""
    place = np.unique(place)
    return place[np.argsort(mix(place.astype(np.uint64) ^ salt))[:n]]


def _random_proposals(n: int, density: float, length: int) -> int:
    """How many random places to try, if tokens were on independently (then the most are needed)."""
    share_off = max((1.0 - density) ** length, 1e-9)
    return math.ceil(n * min(RANDOM_FACTOR / share_off, MOST_RANDOM_FACTOR))
