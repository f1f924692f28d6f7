"""Labels that are not right, of known kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.ground_truth._text import Mask

MISSING, EXTRA = "half of its places", "twice its places"
"""The tests of Oikarinen et al. 2025 (arXiv:2506.05774): a metric must fall when half of a label's places are taken
away, drawn at random, and when as many are added."""
OTHER, HALF, ONE_MORE = "another feature's", "one of its two meanings", "a meaning too many"
KINDS = (OTHER, HALF, ONE_MORE, MISSING, EXTRA)
NOISE = "noise under a label"
"""Not a wrong label but a feature that has no right one."""


def wrong_labels(
    own: Sequence[str], other: Sequence[str], masks: Mapping[str, Mask], counted: Mask, *, seed: int
) -> dict[str, Mask]:
    """Where each kind of wrong label says that the feature fires.

    Args:
        own: Names of the feature's meanings.
        other: Names of another feature's meanings, none of them this one's.
        masks: Where meanings hold, [b, t].
        counted: Tokens that places are drawn from, [b, t].
        seed: Of the draws.

    Returns:
        Kind -> [b, t]; half a label only for a feature with two meanings.
    """
    dice = np.random.default_rng(seed)
    right, another = _any(own, masks), _any(other, masks)
    chance = float((right & counted).sum() / max((counted & ~right).sum(), 1))
    luck = dice.random(counted.shape)
    found = {
        OTHER: another,
        ONE_MORE: right | masks[other[0]],
        MISSING: right & (luck < 0.5),
        EXTRA: right | (counted & (luck < chance)),
    }
    return found | ({HALF: masks[own[0]]} if len(own) == 2 else {})


def _any(names: Sequence[str], masks: Mapping[str, Mask]) -> Mask:
    found: Mask = np.any([masks[name] for name in names], axis=0)
    return found
