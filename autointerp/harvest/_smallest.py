"""The k smallest keys of every feature, from a stream of any length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Fills the rows of features with fewer than k keys."""
_BLOCK_CELLS = 1 << 20
_MIN_BUFFER = 1 << 18


class SmallestKeys:
    """Keeps, a feature, its k smallest 64-bit keys, each with 32 bits that travel along.

    Keys of one feature must be distinct; then what is kept depends only on the set of keys offered. Most offers are
    dropped at once against the feature's k-th smallest key; the others wait in a buffer and are merged in blocks.
    """

    def __init__(self, n_features: int, k: int) -> None:
        """Start empty: ``keys`` and ``payload`` are [n_features, k]."""
        self._keys = np.full((n_features, k), EMPTY, np.uint64)
        self._payload = np.zeros((n_features, k), np.uint32)
        self._threshold = np.full(n_features, EMPTY, np.uint64)
        self._waiting: list[tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint32]]] = []
        self._n_waiting = 0
        self._buffer = max(_MIN_BUFFER, n_features * k // 2)

    @property
    def keys(self) -> NDArray[np.uint64]:
        """The kept keys of each feature, ascending, then ``EMPTY``; [n_features, k]."""
        self._flush()
        return self._keys

    @property
    def payload(self) -> NDArray[np.uint32]:
        """What came with each key, 0 where there is none; [n_features, k]."""
        self._flush()
        return self._payload

    def may_enter(self, feature: NDArray[np.int64], key: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which offers are not ruled out by the keys already kept; [n]."""
        return key <= self._threshold[feature]

    def offer(self, feature: NDArray[np.int64], key: NDArray[np.uint64], payload: NDArray[np.uint32]) -> None:
        """Take in a batch of keys, [n] each; pass them through ``may_enter`` first."""
        if len(key) == 0:
            return
        self._waiting.append((feature, key, payload))
        self._n_waiting += len(key)
        if self._n_waiting >= self._buffer:
            self._flush()

    def take(self, other: SmallestKeys) -> None:
        """Offer everything another one keeps."""
        keys, payload = other.keys, other.payload
        row, column = np.nonzero(keys != EMPTY)
        self.offer(row, keys[row, column], payload[row, column])

    def replace(self, keys: NDArray[np.uint64], payload: NDArray[np.uint32]) -> None:
        """Set the kept rows, as read from ``keys`` and ``payload`` of another one."""
        self._keys, self._payload = keys, payload
        self._threshold = keys[:, -1].copy()

    def _flush(self) -> None:
        if not self._waiting:
            return
        feature, key, payload = (np.concatenate(column) for column in zip(*self._waiting, strict=True))
        self._waiting, self._n_waiting = [], 0
        order = group_by_feature(feature)
        key, payload = key[order], payload[order]
        counts = np.bincount(feature, minlength=len(self._keys))
        starts = np.cumsum(counts) - counts
        by_count = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        k, at = self._keys.shape[1], 0
        while at < len(by_count):
            widest = int(counts[by_count[at]])
            block = by_count[at : at + max(1, _BLOCK_CELLS // (k + widest))]
            self._merge_block(block, starts[block], counts[block], key, payload)
            at += len(block)

    def _merge_block(
        self,
        block: NDArray[np.int64],
        starts: NDArray[np.int64],
        counts: NDArray[np.int64],
        key: NDArray[np.uint64],
        payload: NDArray[np.uint32],
    ) -> None:
        """Merge the waiting keys of some features into their rows; the first of ``block`` has the most."""
        k, width = self._keys.shape[1], int(counts[0])
        column = np.arange(width)
        source = starts[:, None] + column  # [block, width]
        filled = column < counts[:, None]
        source[~filled] = 0
        keys = np.concatenate([self._keys[block], np.where(filled, key[source], EMPTY)], axis=1)  # [block, k + width]
        carried = np.concatenate([self._payload[block], np.where(filled, payload[source], 0)], axis=1)
        order = np.argsort(keys, axis=1)[:, :k]
        self._keys[block] = np.take_along_axis(keys, order, axis=1)
        self._payload[block] = np.take_along_axis(carried, order, axis=1)
        self._threshold[block] = self._keys[block, -1]


def group_by_feature(feature: NDArray[np.int64]) -> NDArray[np.int64]:
    """A stable order by feature; numpy sorts 16-bit integers by radix, so two passes cover 2**32 features."""
    order = np.argsort(feature.astype(np.uint16), kind="stable")
    high = feature >> 16
    if high.any():
        order = order[np.argsort(high[order].astype(np.uint16), kind="stable")]
    return order
