"""Many-dimensional points laid out in a plane."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

MIN_UMAP = 20
"""Fewer points have no neighbourhoods to keep."""


def pca(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two directions in which points differ most.

    Args:
        points: [n, d].

    Returns:
        Coordinates [n, 2], and the share of the variance along each [2]. Signs are fixed: each direction's largest
        loading is positive.
    """
    centred = points - points.mean(axis=0)
    covariance = centred.T @ centred  # [d, d]
    variances, directions = np.linalg.eigh(covariance)
    chosen = directions[:, [-1, -2]]
    chosen = chosen * np.sign(chosen[np.abs(chosen).argmax(axis=0), [0, 1]])
    total = max(float(variances.sum()), np.finfo(float).tiny)
    coordinates: NDArray[np.float64] = centred @ chosen
    return coordinates, variances[[-1, -2]] / total


def umap(points: NDArray[np.float64], *, seed: int) -> NDArray[np.float64]:
    """UMAP by cosine (McInnes et al. 2018): neighbours stay neighbours, distances between groups mean nothing.

    Args:
        points: [n, d], at least 20.
        seed: Of the layout; the same points and seed give the same layout.

    Returns:
        [n, 2].
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numba and scikit-learn, on what umap-learn asks of them
        from umap import UMAP

        layout = UMAP(n_neighbors=min(15, len(points) - 1), metric="cosine", random_state=seed, n_jobs=1)
        found: NDArray[np.float64] = np.asarray(layout.fit_transform(points), np.float64)
    return found
