"""Finds texts that are nearly the same, so that no two of them land in different splits.

MinHash over sets of token 5-grams (Broder 1997), 64 hash functions; locality-sensitive hashing in 16 bands of 4
proposes pairs, and a pair counts when its estimated Jaccard similarity is at least 0.7. A pair of similarity 0.7 is
proposed with probability 0.988, one of 0.8 with 0.9998; the estimate's standard error is 0.06.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5  # tokens
N_HASHES = 64
_ROWS = 4  # hashes a band
_SIMILAR = 0.7
_BLOCK = 8192  # shingles hashed at a time

_CONSTANTS = np.frombuffer(b"".join(hashlib.sha256(bytes([i])).digest()[:16] for i in range(N_HASHES)), dtype="<u8")
_FACTORS = _CONSTANTS[0::2] | np.uint64(1)
_OFFSETS = _CONSTANTS[1::2]
_MIX = np.uint64(0x9E3779B97F4A7C15)


def min_hashes(tokens: NDArray[np.int32]) -> NDArray[np.uint32]:
    """A text's signature: equal places in two signatures estimate the share of 5-grams that the texts have in common.

    Args:
        tokens: The text's ids, [t], at least one.

    Returns:
        [64]
    """
    width = min(SHINGLE, len(tokens))
    words = tokens.astype(np.uint64)
    shingles = np.zeros(len(words) - width + 1, dtype=np.uint64)
    for i in range(width):
        shingles = (shingles ^ words[i : len(words) - width + 1 + i]) * _MIX
        shingles ^= shingles >> np.uint64(29)
    lowest = np.full(N_HASHES, np.iinfo(np.uint64).max, dtype=np.uint64)
    for start in range(0, len(shingles), _BLOCK):
        block = shingles[start : start + _BLOCK, None]  # [block, 1]
        np.minimum(lowest, (block * _FACTORS + _OFFSETS).min(axis=0), out=lowest)  # [block, 64] -> [64]
    return (lowest >> np.uint64(32)).astype(np.uint32)


def cluster_near_duplicates(signatures: NDArray[np.uint32], digests: Sequence[str]) -> NDArray[np.int64]:
    """Group texts that are nearly the same, and those that such texts connect.

    Args:
        signatures: One a text, [n, 64].
        digests: The texts' own digests; the order of the texts changes nothing but the numbering.

    Returns:
        Per text, the index of its cluster's member with the smallest digest, [n].
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(digests)
    order = np.argsort(np.asarray(digests), kind="stable")
    signatures = signatures[order]
    pairs = [pair for group in _candidates(signatures) for pair in _similar(signatures, group)]
    edges = np.concatenate([np.empty((0, 2), dtype=np.int64), *pairs])
    _, labels = connected_components(
        coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n)), directed=False
    )
    _, first, member = np.unique(labels, return_index=True, return_inverse=True)
    clusters = np.empty(n, dtype=np.int64)
    clusters[order] = order[first[member]]
    return clusters


def _candidates(signatures: NDArray[np.uint32]) -> Iterator[NDArray[np.int64]]:
    """Groups of at least two texts that agree in all places of a band."""
    for band in range(0, N_HASHES, _ROWS):
        _, key = np.unique(signatures[:, band : band + _ROWS], axis=0, return_inverse=True)
        members = np.argsort(key, kind="stable")
        ends = np.flatnonzero(np.diff(key[members])) + 1
        yield from (group for group in np.split(members, ends) if len(group) > 1)


def _similar(signatures: NDArray[np.uint32], group: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Pairs [m, 2] of each text that is like no earlier one, with all that are like it."""
    while len(group) > 1:
        first, rest = group[0], group[1:]
        alike = (signatures[rest] == signatures[first]).mean(axis=1) >= _SIMILAR
        found = rest[alike]
        yield np.stack([np.full_like(found, first), found], axis=1)
        group = rest[~alike]
