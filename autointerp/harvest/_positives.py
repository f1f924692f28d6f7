"""Which activations of a feature may become contexts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest._config import ContextConfig
from autointerp.harvest._context import DECILES, Split
from autointerp.harvest._proposals import Proposals
from autointerp.harvest._sketch import FeatureSketch

LOW_SHARE = 0.1
"""``below_10pct_of_max`` are activations under this share of the feature's maximum over both splits."""
CANDIDATES = 6
"""Activations of a stratum proposed a context wanted: those with a stronger one in their slice fall out."""


def propose_positives(
    features: Sequence[int],
    sketch: FeatureSketch,
    *,
    split: Split,
    maximum: NDArray[np.float32],
    config: ContextConfig,
    n_bos: int,
) -> list[Proposals]:
    """Propose the positive contexts of one split: the strongest windows, then each decile, then the weakest.

    Deciles and weak activations come from the uniform sample in its random order, and those that are not the strongest
    of their slice are left out afterwards (``Proposals.fit``). So a stratum is a uniform choice among the feature's
    activations of that size that no stronger one stands near; what a feature does beside its own stronger firings is
    not tested. A feature that fires in runs has few weak contexts, or none: its bottom-10 % check is then untestable.

    Args:
        features: Which.
        sketch: Of the split.
        split: Its name.
        maximum: Largest activation of every feature over both splits, [F].
        config: How many of each stratum.
        n_bos: 1 where windows begin with a BOS, which is never shown.

    Returns:
        By feature, and in the order in which strata choose.
    """
    length, wanted = sketch.spec.context_length, config.counts(split)
    top, sample, edges = sketch.top(), sketch.sample(), sketch.decile_edges()
    proposals = []
    for feature in features:
        place, value = _shown(top.window[feature], top.position[feature], top.value[feature], length, n_bos)
        n = wanted.get("top", 0)
        proposals.append(Proposals(feature, split, "top", place[:n], value[:n]))
        place, value = _shown(sample.window[feature], sample.position[feature], sample.value[feature], length, n_bos)
        decile = np.searchsorted(edges[feature], value, side="right")
        members = {name: decile == i for i, name in enumerate(DECILES)}
        members["below_10pct_of_max"] = value < LOW_SHARE * maximum[feature]
        for stratum, here in members.items():
            n = CANDIDATES * wanted.get(stratum, 0)
            proposals.append(Proposals(feature, split, stratum, place[here][:n], value[here][:n]))
    return proposals


def _shown(
    window: NDArray[np.int64], position: NDArray[np.int64], value: NDArray[np.float32], length: int, n_bos: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Places and values of the pointers that are there and don't point at a BOS."""
    there = (window >= 0) & (position >= n_bos)
    return (window * length + position)[there], value[there]
