"""Means over tokens, and whatever is computed from them, with standard errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from autointerp.errors import UsageError

N_GROUPS = 100
"""Documents are dealt into so many groups; the error comes from leaving out one at a time."""
N_RESAMPLES = 200
"""Of the features, where the error is over features."""


@dataclass(frozen=True)
class Estimate:
    """A number and how far off it may be."""

    value: float
    standard_error: float
    """From the grouped jackknife over documents; nan with fewer than two groups."""
    n: int
    """Tokens it rests on."""

    def columns(self, name: str) -> dict[str, float]:
        """The number and its error as cells of a table: ``name`` and ``name_se``."""
        return {name: self.value, f"{name}_se": self.standard_error}


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


class TokenMeans:
    """Sums over tokens by group of documents; tokens of one document are no independent draws.

    The standard error of a function of means is the delete-one-group jackknife's (Efron, "The Jackknife, the Bootstrap
    and Other Resampling Plans", 1982), which needs no formula for ratios and differences.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._counts: dict[str, NDArray[np.float64]] = {}

    def add(self, name: str, values: Tensor, kept: Tensor, clusters: NDArray[np.int64]) -> None:
        """Add a batch of one quantity.

        Args:
            name: Of the quantity.
            values: [b, t], or vectors [b, t, d], whose mean is one.
            kept: bool [b, t]: which of them count.
            clusters: Group of near-duplicate documents of each window, [b].
        """
        group = clusters % N_GROUPS
        sums = self._sums.setdefault(name, np.zeros((N_GROUPS, *values.shape[2:])))
        counts = self._counts.setdefault(name, np.zeros(N_GROUPS))
        where = kept.reshape(kept.shape + (1,) * (values.ndim - 2))  # [b, t] or [b, t, 1]
        np.add.at(sums, group, values.double().where(where, 0.0).sum(dim=1).cpu().numpy())
        np.add.at(counts, group, kept.double().sum(dim=1).cpu().numpy())

    def n(self, name: str) -> int:
        """Tokens of one quantity so far."""
        return int(self._counts[name].sum()) if name in self._counts else 0

    def mean(self, name: str) -> Estimate:
        """The mean of one quantity."""
        return self.of(lambda means: means[name], rests_on=name)

    def resampled(self, n: int, seed: int) -> list[dict[str, float]]:
        """The means over groups of documents drawn with replacement, for bootstrap bands.

        Args:
            n: Draws; one in which a quantity has no token is left out.
            seed: Of the draws.
        """
        rng = np.random.default_rng(seed)
        weights = rng.multinomial(N_GROUPS, np.full(N_GROUPS, 1 / N_GROUPS), size=n)  # [n, groups]
        totals = {
            name: (weights @ sums, weights @ self._counts[name])  # [n] each
            for name, sums in self._sums.items()
        }
        whole = np.all([counts > 0 for _, counts in totals.values()], axis=0)
        return [
            {name: float(sums[draw] / counts[draw]) for name, (sums, counts) in totals.items()}
            for draw in np.flatnonzero(whole)
        ]

    def of(self, function: Callable[[Mapping[str, Any]], float], *, rests_on: str) -> Estimate:
        """Any function of the means.

        Args:
            function: Takes the means by name: floats, and arrays [d] where vectors were added.
            rests_on: The quantity whose tokens are counted in ``n``.

        Raises:
            UsageError: There was no token.
        """
        totals = {name: (sums.sum(axis=0), self._counts[name].sum()) for name, sums in self._sums.items()}
        if not totals or not all(count for _, count in totals.values()):
            raise UsageError("there was no token to measure on. Use more --tokens.")
        value = float(function({name: total / count for name, (total, count) in totals.items()}))
        left_out = [
            function(
                {
                    name: (total - self._sums[name][group]) / (count - self._counts[name][group])
                    for name, (total, count) in totals.items()
                }
            )
            for group in np.flatnonzero(self._counts[rests_on])
            if all(count > self._counts[name][group] for name, (_, count) in totals.items())
        ]
        n = len(left_out)
        error = float(np.sqrt((n - 1) * np.var(left_out))) if n > 1 else float("nan")
        return Estimate(value, error, int(totals[rests_on][1]))


def over_features(
    values: ArrayLike, statistic: Callable[[NDArray[np.float64]], float] = _mean, *, n_tokens: int, seed: int
) -> Estimate:
    """A statistic of the features, with an error over features.

    The error is the bootstrap's over 200 resamples of the features: how far it would be off if they were draws from
    all the features that such training gives. That more text would change each feature's value is not in it.

    Args:
        values: One a feature, [F]; nan, where a feature has none, is left out. Flags count as 0 and 1.
        statistic: Of the values that are left, [at most F].
        n_tokens: Tokens that the values rest on.
        seed: Of the resamples.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    if not len(known):
        return Estimate(float("nan"), float("nan"), n_tokens)
    random = np.random.default_rng(seed)
    again = [statistic(known[random.integers(0, len(known), len(known))]) for _ in range(N_RESAMPLES)]
    return Estimate(float(statistic(known)), float(np.std(again)), n_tokens)
