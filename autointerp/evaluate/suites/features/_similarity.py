"""How alike features are, in three spaces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

import sae
from autointerp.evaluate._firings import Firings

Matrix = NDArray[np.float64]


def by_token_type(firings: Firings, features: NDArray[np.int64]) -> Matrix:
    """Cosine of vectors over token types whose entries are a feature's largest activation on that type.

    One strong activation is a whole entry, so features that only share frequent types look alike.

    Args:
        firings: Activations.
        features: Which, [m].

    Returns:
        [m, m]; nan for features that do not fire.
    """
    types, type_of = np.unique(firings.token, return_inverse=True)
    chosen = firings.values[:, features].tocoo()
    token, column = chosen.coords
    largest = np.zeros((len(types), len(features)))
    np.maximum.at(largest, (type_of[token], column), chosen.data.astype(np.float64))
    return _cosines(largest.T @ largest)


def by_occurrence(firings: Firings, features: NDArray[np.int64]) -> Matrix:
    """Pearson correlation of activations over tokens, zeros included.

    Args:
        firings: Activations.
        features: Which, [m].

    Returns:
        [m, m]; nan for features that do not fire.
    """
    chosen = firings.values[:, features].astype(np.float64)
    mean = np.asarray(chosen.sum(axis=0)).ravel() / len(firings)
    return _cosines((chosen.T @ chosen).toarray() / len(firings) - np.outer(mean, mean))


def by_decoder(W_dec: Tensor, features: NDArray[np.int64]) -> Matrix:
    """Cosine of decoder directions.

    Args:
        W_dec: [F, d].
        features: Which, [m].

    Returns:
        [m, m]; nan for zero rows.
    """
    rows = W_dec.detach().double().cpu().numpy()[features]
    return _cosines(rows @ rows.T)


def extremes(firings: Firings, k: int) -> NDArray[np.int64]:
    """The most and the least selective features, as the study that first drew this picture took them.

    Args:
        firings: Activations that selectivity (see ``sae.selectivity``) is computed from.
        k: Of each; fewer where there are not twice as many.

    Returns:
        Most selective first, then on to the least, [at most 2 k].
    """
    d_sae = firings.values.shape[1]
    count = np.bincount(firings.values.indices, minlength=d_sae)
    total = np.asarray(firings.values.astype(np.float64).sum(axis=0)).ravel()
    scores = sae.selectivity(total / np.maximum(count, 1), count)
    known = np.flatnonzero(~np.isnan(scores))
    ranked = known[np.argsort(-scores[known], kind="stable")]
    k = min(k, len(ranked) // 2)
    return np.concatenate([ranked[:k], ranked[len(ranked) - k :]])


def block_mean(similarity: Matrix, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[float, float]:
    """Mean similarity of the pairs between two sets of features, without pairs of one with itself.

    Args:
        similarity: [m, m].
        rows: Places of one set.
        columns: Places of the other; may be the same set.

    Returns:
        The mean over pairs that have a similarity, and its standard error: the jackknife over features, since pairs of
        one feature are not independent. nan where there are too few.
    """
    usable = ~np.isnan(similarity) & ~np.eye(len(similarity), dtype=bool)
    inside = np.zeros_like(usable)
    inside[np.ix_(rows, columns)] = True
    usable &= inside
    filled = np.where(usable, similarity, 0.0)
    n, total = usable.sum(), filled.sum()
    if not n:
        return float("nan"), float("nan")
    used = np.union1d(rows, columns)
    without = usable.sum(axis=0)[used] + usable.sum(axis=1)[used]
    left = n - without
    if (left <= 0).any():
        return float(total / n), float("nan")
    means = (total - filled.sum(axis=0)[used] - filled.sum(axis=1)[used]) / left
    return float(total / n), float(np.sqrt((len(used) - 1) * np.var(means)))


def _cosines(products: Matrix) -> Matrix:
    """Products of vectors with each other, as cosines."""
    norms = np.sqrt(np.maximum(np.diag(products), 0))
    scale = np.outer(norms, norms)
    found: Matrix = np.divide(products, scale, out=np.full(products.shape, np.nan), where=scale > 0)
    return np.clip(found, -1, 1)
