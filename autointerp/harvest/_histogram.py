"""The activation histogram: 64 log-spaced bins from 2**-8 to 2**12, one bin below them and one above."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

N_BINS = 64
_LOW_OCTAVE, _HIGH_OCTAVE = -8, 12


def _make_edges() -> NDArray[np.float32]:
    exact = np.exp2(np.linspace(_LOW_OCTAVE, _HIGH_OCTAVE, N_BINS + 1)).astype(np.float32)
    rounded = (exact.view(np.uint32) + np.uint32(0x8000)) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)


EDGES: NDArray[np.float32] = _make_edges()
"""The 65 edges, rounded to 8 significant bits so that a value's first 16 bits decide its bin; [low, high) each."""

_BIN_OF_FIRST_BITS = np.searchsorted(EDGES.view(np.uint32) >> 16, np.arange(1 << 15), side="right")


def bin_of(value: NDArray[np.float32]) -> NDArray[np.int64]:
    """Column of each value: 0 below the first edge, 1..64 between edges, 65 from the last edge on.

    Args:
        value: Positive float32, any shape.
    """
    bins: NDArray[np.int64] = _BIN_OF_FIRST_BITS[value.view(np.uint32) >> np.uint32(16)]
    return bins
