"""Many dimensions drawn in two."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pca_2d(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """The first two principal components of rows, [n, d] -> [n, 2].

    Each one's sign is chosen so that its sum of cubes is not negative.
    """
    centred = x - x.mean(axis=0)
    _, _, axes = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    found = centred @ axes[:2].T
    signed: NDArray[np.float64] = found * np.where((found**3).sum(axis=0) < 0, -1.0, 1.0)
    return signed


def umap_2d(x: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """UMAP of rows with 15 neighbours (McInnes, Healy, Melville, "UMAP", 2018), [n, d] -> [n, 2].

    Args:
        x: At least 5 rows.
        seed: Of its random choices; the same seed gives the same picture.
    """
    from umap import UMAP

    neighbours = min(15, len(x) - 1)
    found = UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1).fit_transform(x)
    return np.asarray(found, dtype=np.float64)
