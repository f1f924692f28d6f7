"""Which features of one SAE make up a feature of another: a sparse linear map between activations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sae._errors import SAEError
from sae.compare._lasso import lasso
from sae.compare._moments import Array, PairMoments

CONSTANT = 1e-12
"""A feature whose variance is a smaller share of its mean square than this does not vary."""


@dataclass(frozen=True)
class SparseMap:
    """``target = weights^T source + bias``, in the SAEs' own units."""

    weights: Array
    """[m, k]."""
    bias: Array
    """[k]."""
    normalised: Array
    """[m, k]: standard deviations that a target moves for each standard deviation of a source."""
    solved: NDArray[np.bool_]
    """[k]: whether the solver reached the optimum for this target."""


def fit_sparse_map(moments: PairMoments, alpha: float) -> SparseMap:
    """Fit the map of Riggs, Mitchell and Kaufman ("Finding sparse linear connections between features", 2023).

    In units in which every feature has mean 0 and variance 1, each target's mean squared error plus ``alpha`` times
    the sum of the absolute values of its weights is smallest; so ``alpha`` is the same pull on every feature, and a
    source whose correlation with what the others leave of the target stays below ``alpha / 2`` is left out.

    Args:
        moments: Over the inputs to fit on.
        alpha: Above 0.

    Returns:
        The map; a feature that never varies has no weights.

    Raises:
        SAEError: ``alpha`` is not above 0, or there was no input.
    """
    if not alpha > 0:
        raise SAEError(f"alpha must be above 0, found {alpha}")
    if not moments.n:
        raise SAEError("there was no input to fit the map on: the stream is empty")
    gram, cross, variance = moments.centred()
    source = _scale(np.diagonal(gram), np.diagonal(moments.source_gram) / moments.n)
    target = _scale(variance, moments.target_squares / moments.n)
    normalised, solved = lasso(
        gram * source[:, None] * source, cross * source[:, None] * target, alpha / 2
    )  # the solver halves the squared error
    weights = normalised * source[:, None] / np.where(target > 0, target, 1.0)  # a constant target has none
    bias = (moments.target_sum - weights.T @ moments.source_sum) / moments.n
    return SparseMap(weights, bias, normalised, solved)


def explained(fitted: SparseMap, moments: PairMoments) -> Array:
    """Say how much of each target's variance the map explains.

    Args:
        fitted: The map.
        moments: Over other inputs than it was fitted on.

    Returns:
        R2, [k]: 1 - squared error over the targets' squared distance from their own mean; below 0 where the map is
        worse than that mean, nan where a target does not vary.
    """
    weights, bias, n = fitted.weights, fitted.bias, moments.n
    linear = weights.T @ moments.source_sum  # sums of predictions without bias, [k]
    squares = np.einsum("mk,mk->k", weights, moments.source_gram @ weights) + 2 * bias * linear + n * bias**2
    product = np.einsum("mk,mk->k", weights, moments.cross) + bias * moments.target_sum
    error = moments.target_squares - 2 * product + squares
    total = moments.centred()[2] * n
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.where(total > 0, 1 - error / total, np.nan)
    return found


def _scale(variance: Array, mean_square: Array) -> Array:
    """One over the standard deviation; 0 for what does not vary but for rounding."""
    varies = variance > CONSTANT * mean_square
    scale: Array = np.where(varies, 1 / np.sqrt(np.where(varies, variance, 1.0)), 0.0)
    return scale
