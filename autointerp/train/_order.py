"""In which order the vectors of a corpus are trained on, whether they are computed or read from a disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.corpus import Windows
from autointerp.errors import UsageError

BATCH_WINDOWS = 32
"""Windows that are drawn together, and that a model call takes."""


@dataclass(frozen=True)
class Draw:
    """Windows drawn together, and which of their vectors are wanted."""

    rows: NDArray[np.int64]
    """Numbers of the windows, in the order drawn."""
    wanted: slice
    """Of all vectors that these windows give, one window after the other."""


def first_kept(windows: Windows, *, drop_bos: bool) -> int:
    """The first position of a window that is trained on: without BOS and the position after it, or 0."""
    return 1 + int(windows.prepend_bos) if drop_bos else 0


def count_kept(windows: Windows, *, drop_bos: bool) -> NDArray[np.int64]:
    """How many vectors each window gives, int64 [n_windows].

    Raises:
        UsageError: No window gives any.
    """
    lengths = np.asarray(windows.lengths, dtype=np.int64)
    counts: NDArray[np.int64] = (lengths - first_kept(windows, drop_bos=drop_bos)).clip(min=0)
    if not counts.any():
        raise UsageError("No window is long enough to train on. Use longer texts, or drop_bos = false.")
    return counts


def draws(counts: NDArray[np.int64], *, n_vectors: int, skip: int, batch_windows: int, seed: int) -> Iterator[Draw]:
    """Draw windows in a random order, again and again in new orders, until enough vectors were given.

    Args:
        counts: [n_windows]: vectors a window gives, not all 0.
        n_vectors: Vectors in all, those that are skipped among them.
        skip: Vectors at the front that nobody wants; a draw of none but these is left out.
        batch_windows: Windows drawn together; the last ones of an order may be fewer.
        seed: Of the orders.

    Yields:
        Draws that want at least one vector; the same ones, whatever is skipped.
    """
    rng = np.random.default_rng(seed)
    passed = 0
    while passed < n_vectors:
        order = rng.permutation(len(counts))
        for start in range(0, len(order), batch_windows):
            rows = order[start : start + batch_windows]
            n_given = min(int(counts[rows].sum()), n_vectors - passed)
            n_skipped = min(max(skip - passed, 0), n_given)
            passed += n_given
            if n_skipped < n_given:
                yield Draw(rows, slice(n_skipped, n_given))
            if passed >= n_vectors:
                return
