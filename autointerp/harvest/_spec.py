"""The shape and settings of a sketch, and the pointers it gives out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_POSITION_BUCKETS = 128


@dataclass(frozen=True)
class SketchSpec:
    """What two sketches must share to be merged."""

    d_sae: int
    """Number of features."""
    context_length: int
    """Positions of a window."""
    seed: int = 0
    """Of the uniform sample."""
    k_top: int = 64
    """Strongest windows kept a feature."""
    k_sample: int = 256
    """Activations sampled a feature."""
    dead_threshold: float = 0.07
    """Activations above it are counted apart."""
    source: str = ""
    """Identity of the model, SAE, windows and settings that the activations come from."""

    @property
    def n_buckets(self) -> int:
        """Position buckets: every position for itself up to 128, else 128 equal ones."""
        return min(self.context_length, MAX_POSITION_BUCKETS)

    def bucket(self, position: NDArray[np.int64]) -> NDArray[np.int64]:
        """Bucket of each position."""
        return position if self.n_buckets == self.context_length else position * self.n_buckets // self.context_length


class Peaks(NamedTuple):
    """Pointers to activations, [d_sae, k] each; where a feature has fewer, window and position are -1, value is 0."""

    window: NDArray[np.int64]
    """Row of the windows."""
    position: NDArray[np.int64]
    """Of the activation in its window."""
    value: NDArray[np.float32]
    """The activation."""
