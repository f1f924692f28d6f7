"""The activations of some whole windows, put in place order, and what needs them token by token or window by window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest._smallest import group_by_feature

I64 = NDArray[np.int64]
_BLOCK_CELLS = 1 << 15


@dataclass(frozen=True)
class Arrivals:
    """Active (token, feature) pairs, sorted by window and position; all arrays [n]."""

    window: I64
    position: I64
    feature: I64
    value: NDArray[np.float32]
    place: I64
    """``window * context_length + position``: one number a token."""

    @classmethod
    def of(
        cls,
        window: NDArray[np.integer],
        position: NDArray[np.integer],
        feature: NDArray[np.integer],
        value: NDArray[np.float32],
        *,
        context_length: int,
    ) -> Arrivals:
        """Sort what comes unsorted; what an encoder returns is sorted already and isn't copied."""
        place = window.astype(np.int64) * context_length + position
        arrivals = cls(
            window.astype(np.int64, copy=False),
            position.astype(np.int64, copy=False),
            feature.astype(np.int64, copy=False),
            value.astype(np.float32, copy=False),
            place,
        )
        if (place[1:] < place[:-1]).any():
            return arrivals._take(np.argsort(place, kind="stable"))
        return arrivals

    def kth_largest_of_token(self, k: int) -> NDArray[np.float32]:
        """For each activation the k-th largest on its token; 0 where the token has fewer than k. [n]."""
        starts = np.flatnonzero(np.concatenate([[True], self.place[1:] != self.place[:-1]]))
        counts = np.diff(starts, append=len(self.place))
        kth = np.zeros(len(starts), np.float32)
        heavy = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts >= k)]
        at = 0
        while at < len(heavy):  # tokens of like count together, so that little is padding
            width = int(counts[heavy[at]])
            block = heavy[at : at + max(1, _BLOCK_CELLS // width)]
            column = np.arange(width)
            inside = column < counts[block, None]  # [block, width]
            padded = np.where(inside, self.value[np.where(inside, starts[block, None] + column, 0)], np.float32(0))
            kth[block] = np.partition(padded, width - k, axis=1)[:, width - k]
            at += len(block)
        return np.repeat(kth, counts)

    def _take(self, order: I64) -> Arrivals:
        window, position, feature = self.window[order], self.position[order], self.feature[order]
        return Arrivals(window, position, feature, self.value[order], self.place[order])


def window_maxima(
    feature: I64, key: NDArray[np.uint64], position: I64
) -> tuple[I64, NDArray[np.uint64], NDArray[np.uint32]]:
    """The strongest activation of each feature in each window, the first one of equals.

    Args:
        feature: Of activations in place order, [n].
        key: Inverted float bits above the window: equal upper and lower halves mean equal value and window, [n].
        position: In the window, [n].

    Returns:
        Feature, key and position, one a (feature, window).
    """
    order = group_by_feature(feature)  # now by feature, window, position
    feature, key, position = feature[order], key[order], position[order]
    group = (feature << 32) | (key & np.uint64(0xFFFFFFFF)).astype(np.int64)
    starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    best = np.minimum.reduceat(key, starts)
    is_best = key == np.repeat(best, np.diff(starts, append=len(key)))
    first = np.minimum.reduceat(np.where(is_best, position, np.iinfo(np.int64).max), starts)
    return feature[starts], best, first.astype(np.uint32)
