"""Everything a linear map from one SAE's features to another's needs to know about any number of inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sae._sparse_rows import add_product

Array = NDArray[np.float64]


class PairMoments:
    """Sums over inputs, in float64, of m source and k target features; the inputs themselves are not kept."""

    def __init__(self, n_source: int, n_target: int) -> None:
        """Start empty."""
        self.source_gram: Array = np.zeros((n_source, n_source))
        """[m, m]: sum of s s^T."""
        self.cross: Array = np.zeros((n_source, n_target))
        """[m, k]: sum of s t^T."""
        self.source_sum: Array = np.zeros(n_source)
        self.target_sum: Array = np.zeros(n_target)
        self.target_squares: Array = np.zeros(n_target)
        """[k]: sum of t^2."""
        self.n = 0
        """Inputs."""

    def add(self, source: Any, target: Any) -> None:
        """Add inputs.

        Args:
            source: Their source features, sparse rows [n, m].
            target: Their target features, sparse rows [n, k].
        """
        add_product(self.source_gram, source, source)
        add_product(self.cross, source, target)
        self.source_sum += source.sum(axis=0)
        self.target_sum += target.sum(axis=0)
        self.target_squares += target.power(2).sum(axis=0)
        self.n += source.shape[0]

    def centred(self) -> tuple[Array, Array, Array]:
        """Covariances: of the sources, [m, m]; of sources and targets, [m, k]; and the targets' variances, [k]."""
        source, target = self.source_sum / self.n, self.target_sum / self.n
        return (
            self.source_gram / self.n - np.outer(source, source),
            self.cross / self.n - np.outer(source, target),
            np.maximum(self.target_squares / self.n - target**2, 0.0),
        )
