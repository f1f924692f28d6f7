"""Errors of statistics that are no function of means: quantiles, rank correlations, areas under curves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from autointerp.evaluate._estimates import Estimate

N_RANDOM_GROUPS = 20
"""Documents are dealt into so many; each must hold enough tokens for the statistic."""


def by_groups(statistic: Callable[[NDArray[np.int64]], float], clusters: NDArray[np.int64]) -> Estimate:
    """A statistic of tokens, with an error from how far it spreads between groups of documents.

    This is the method of random groups (Wolter, "Introduction to Variance Estimation", 1985): the statistic of each of
    G groups has G times the variance of the whole, so the error is the groups' standard deviation over sqrt(G).

    Args:
        statistic: Takes numbers of tokens, [m]; nan where they are too few.
        clusters: Group of near-duplicate documents of each token, [n].
    """
    value = statistic(np.arange(len(clusters)))
    group = clusters % N_RANDOM_GROUPS
    parts = np.array([statistic(np.flatnonzero(group == number)) for number in np.unique(group)])
    parts = parts[~np.isnan(parts)]
    error = float(parts.std(ddof=1) / np.sqrt(len(parts))) if len(parts) > 1 else float("nan")
    return Estimate(value, error, len(clusters))
