"""Everything a linear map from one SAE's features to another's needs to know about any number of inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sae._errors import SAEError
from sae._sparse import SparseActs
from sae._sparse_rows import add_product, sparse_rows

Array = NDArray[np.float64]


class PairMoments:
    """Sums over inputs, in float64, of m source and k target features; the inputs themselves are not kept."""

    def __init__(self, sources: NDArray[np.int64], targets: NDArray[np.int64]) -> None:
        """Start empty.

        Args:
            sources: Which features of the one SAE, [m].
            targets: Which of the other, [k].
        """
        n_source, n_target = len(sources), len(targets)
        self._sources, self._targets = sources, targets
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

    def add(self, source: SparseActs, target: SparseActs) -> None:
        """Add inputs.

        Args:
            source: What the one SAE says of them.
            target: What the other says of the same ones.

        Raises:
            SAEError: They are not as many.
        """
        if source.n_rows != target.n_rows:
            raise SAEError(
                f"both SAEs must say something of the same inputs, found {source.n_rows} and {target.n_rows}"
            )
        left, right = sparse_rows(source)[:, self._sources], sparse_rows(target)[:, self._targets]
        add_product(self.source_gram, left, left)
        add_product(self.cross, left, right)
        self.source_sum += left.sum(axis=0)
        self.target_sum += right.sum(axis=0)
        self.target_squares += right.power(2).sum(axis=0)
        self.n += source.n_rows

    def centred(self) -> tuple[Array, Array, Array]:
        """Covariances: of the sources, [m, m]; of sources and targets, [m, k]; and the targets' variances, [k]."""
        source, target = self.source_sum / self.n, self.target_sum / self.n
        return (
            self.source_gram / self.n - np.outer(source, source),
            self.cross / self.n - np.outer(source, target),
            np.maximum(self.target_squares / self.n - target**2, 0.0),
        )
