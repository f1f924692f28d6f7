"""Means over tokens, and whatever is computed from them, with standard errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from autointerp.errors import UsageError

N_GROUPS = 100
"""Documents are dealt into so many groups; the error comes from leaving out one at a time."""


@dataclass(frozen=True)
class Estimate:
    """A number and how far off it may be."""

    value: float
    standard_error: float
    """From the grouped jackknife over documents; nan with fewer than two groups."""
    n: int
    """Tokens it rests on."""


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
            values: [b, t].
            kept: bool [b, t]: which of them count.
            clusters: Group of near-duplicate documents of each window, [b].
        """
        group = clusters % N_GROUPS
        sums = self._sums.setdefault(name, np.zeros(N_GROUPS))
        counts = self._counts.setdefault(name, np.zeros(N_GROUPS))
        np.add.at(sums, group, values.double().where(kept, 0.0).sum(dim=1).cpu().numpy())
        np.add.at(counts, group, kept.double().sum(dim=1).cpu().numpy())

    def mean(self, name: str) -> Estimate:
        """The mean of one quantity."""
        return self.of(lambda means: means[name], rests_on=name)

    def of(self, function: Callable[[Mapping[str, float]], float], *, rests_on: str) -> Estimate:
        """Any function of the means.

        Args:
            function: Takes the means by name.
            rests_on: The quantity whose tokens are counted in ``n``.

        Raises:
            UsageError: There was no token.
        """
        totals = {name: (sums.sum(), self._counts[name].sum()) for name, sums in self._sums.items()}
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
