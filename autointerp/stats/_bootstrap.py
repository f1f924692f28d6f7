"""The paired bootstrap, by clusters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autointerp.stats._proportions import Interval

_CELLS = 4_000_000
"""Resampled counts held in memory at once."""


def paired_bootstrap(
    differences: Sequence[float],
    clusters: Sequence[int] | None = None,
    seed: int = 0,
    n: int = 10_000,
    confidence: float = 0.95,
) -> Interval:
    """Percentile interval of the mean of paired differences; whole clusters are resampled (Davison & Hinkley 1997).

    Args:
        differences: One number a pair.
        clusters: Which pairs belong together (default: each stands alone).
        seed: Same seed, same interval.
        n: Resamples.
        confidence: Two-sided level.

    Raises:
        ValueError: No pairs, or as many clusters as pairs are not given.
    """
    values = np.asarray(differences, dtype=float)
    labels = np.arange(values.size) if clusters is None else np.asarray(clusters)
    if values.size == 0 or labels.shape != values.shape:
        raise ValueError(f"need differences and one cluster each, got {values.size} and {labels.size}")
    _, member = np.unique(labels, return_inverse=True)
    sizes = np.bincount(member).astype(float)  # [clusters]
    sums = np.bincount(member, weights=values)  # [clusters]
    # clusters with the same sum and size are the same to the mean, so they are drawn as one kind
    (sums, sizes), counts = np.unique([sums, sizes], axis=1, return_counts=True)  # each [kinds]
    random = np.random.default_rng(seed)
    means = []
    step = max(1, _CELLS // counts.size)
    for start in range(0, n, step):
        drawn = random.multinomial(counts.sum(), counts / counts.sum(), size=min(step, n - start))
        means.append((drawn @ sums) / (drawn @ sizes))  # [resamples]
    low, high = np.quantile(np.concatenate(means), [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Interval(float(low), float(high))
