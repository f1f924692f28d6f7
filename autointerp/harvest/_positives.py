"""Which activations of a feature become contexts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest._choose import choose
from autointerp.harvest._config import ContextConfig
from autointerp.harvest._context import DECILES, Split
from autointerp.harvest._sketch import FeatureSketch

LOW_SHARE = 0.1
"""``below_10pct_of_max`` are activations under this share of the feature's maximum over both splits."""


@dataclass(frozen=True)
class Picked:
    """One place chosen for one feature; the context is made of it later."""

    feature: int
    split: Split
    stratum: str
    rank: int
    place: int
    """``window * context_length + position``."""
    recorded: float = 0.0
    """The activation that the sketch has there; 0 in a negative."""
    fallback: str = ""
    """See ``Context.fallback``."""


def pick_positives(
    features: Sequence[int],
    sketch: FeatureSketch,
    *,
    split: Split,
    maximum: NDArray[np.float32],
    config: ContextConfig,
    n_bos: int,
) -> list[Picked]:
    """Choose the positive contexts of one split: the strongest windows, then each decile, then the weakest.

    Deciles and weak activations come from the uniform sample in its random order, so each is a uniform choice among the
    feature's activations of that size.

    Args:
        features: Which.
        sketch: Of the split.
        split: Its name.
        maximum: Largest activation of every feature over both splits, [F].
        config: How many of each stratum.
        n_bos: 1 where windows begin with a BOS, which is never shown.
    """
    length, wanted = sketch.spec.context_length, config.counts(split)
    top, sample, edges = sketch.top(), sketch.sample(), sketch.decile_edges()
    picked = []
    for feature in features:
        candidates = {"top": _shown(top.window[feature], top.position[feature], top.value[feature], length, n_bos)}
        place, value = _shown(sample.window[feature], sample.position[feature], sample.value[feature], length, n_bos)
        decile = np.searchsorted(edges[feature], value, side="right")
        for i, name in enumerate(DECILES):
            candidates[name] = place[decile == i], value[decile == i]
        low = value < LOW_SHARE * maximum[feature]
        candidates["below_10pct_of_max"] = place[low], value[low]
        used: set[int] = set()
        for stratum, (place, value) in candidates.items():
            chosen = choose(place.tolist(), wanted.get(stratum, 0), used=used, context_length=length)
            for rank, i in enumerate(chosen):
                picked.append(Picked(feature, split, stratum, rank, int(place[i]), float(value[i])))
    return picked


def _shown(
    window: NDArray[np.int64], position: NDArray[np.int64], value: NDArray[np.float32], length: int, n_bos: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Places and values of the pointers that are there and don't point at a BOS."""
    there = (window >= 0) & (position >= n_bos)
    return (window * length + position)[there], value[there]
