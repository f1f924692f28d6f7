"""How much of one dictionary is in another: shares of its features with a close partner there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from autointerp.evaluate._estimates import Estimate, over_features
from autointerp.run import Progress
from sae.compare import Matching, Nearest, match_one_to_one, nearest_both_ways

Values = NDArray[np.float64]
STATISTICS: dict[str, Callable[[Values], float]] = {
    "share_above_0_9": lambda cosines: float((cosines > 0.9).mean()),
    "share_above_0_8": lambda cosines: float((cosines > 0.8).mean()),
    "median": lambda cosines: float(np.median(cosines)),
}
"""Farrell's three, of the largest cosine of each feature."""


@dataclass(frozen=True)
class Closeness:
    """One dictionary looked for in another."""

    of: str
    found_in: str
    cosine: Values
    """Largest cosine of each feature, [n]."""
    index: NDArray[np.int64]
    """Where in the other dictionary, [n]."""
    matching: Matching | None
    """One-to-one; of the two directions the first alone has it."""

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """The three statistics, with errors over features."""
        n = len(self.cosine)
        return {
            name: over_features(self.cosine, statistic, n_tokens=n, seed=seed)  # rests on features: no text is read
            for name, statistic in STATISTICS.items()
        }

    def matched_mean(self, seed: int) -> Estimate | None:
        """Mean cosine of the one-to-one matching, who stays alone counting as 0; the error holds the pairs fixed."""
        if self.matching is None:
            return None
        n = self.matching.n_possible
        cosine = np.zeros(n)
        cosine[: len(self.matching.cosine)] = self.matching.cosine.numpy()
        return over_features(cosine, n_tokens=n, seed=seed)

    def row(self, seed: int) -> dict[str, object]:
        """A row of the table of comparisons."""
        cells: dict[str, object] = {"features_of": self.of, "found_in": self.found_in, "n_features": len(self.cosine)}
        for name, estimate in self.estimates(seed).items():
            cells |= estimate.columns(name)
        matched = self.matched_mean(seed) or Estimate(float("nan"), float("nan"), 0)
        return cells | matched.columns("matched_mean") | {"matching": _kind(self.matching)}


def look_both_ways(
    left: tuple[str, Tensor], right: tuple[str, Tensor], progress: Progress, *, match: bool
) -> tuple[Closeness, Closeness]:
    """Look for each of two dictionaries in the other.

    Args:
        left: Name and directions, [a, d_in].
        right: The same, [b, d_in].
        progress: Listener.
        match: Whether to match them one-to-one as well.
    """
    with progress.stage(f"cosines {left[0]} - {right[0]}", "features") as tick:
        forward, backward = nearest_both_ways(left[1], right[1], progress=tick)
    matching = None
    if match:
        with progress.stage(f"matching {left[0]} - {right[0]}", "matchings") as tick:
            matching = match_one_to_one(left[1], right[1])
            tick(1, 1)
    return _closeness(left[0], right[0], forward, matching), _closeness(right[0], left[0], backward, None)


def _closeness(of: str, found_in: str, nearest: Nearest, matching: Matching | None) -> Closeness:
    cosine = nearest.cosine.double().cpu().numpy()
    return Closeness(of, found_in, cosine, nearest.index.cpu().numpy(), matching)


def _kind(matching: Matching | None) -> str:
    return "" if matching is None else "exact" if matching.exact else "among candidates"
