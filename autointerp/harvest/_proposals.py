"""Places proposed for a feature's contexts, and the choice among those that the model confirms."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest._choose import choose
from autointerp.harvest._context import Split


@dataclass(frozen=True)
class Proposals:
    """Places for one stratum of one feature in one split, best first."""

    feature: int
    split: Split
    stratum: str
    place: NDArray[np.int64]
    """``window * context_length + position``, [n]."""
    recorded: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    """The activation that the sketch has at each place, [n]; of positives only."""
    fallback: tuple[str, ...] = ()
    """See ``Context.fallback``, one a place; of negatives only."""

    @property
    def is_positive(self) -> bool:
        """Whether the feature fires at these places."""
        return not self.stratum.startswith("negative")

    def fit(self, activations: NDArray[np.float32], peak: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which places may become contexts of this stratum.

        A negative has to be silent in its whole slice. A positive of a decile, or below 10 % of the maximum, has to be
        the strongest in its slice: beside a stronger token a judge would find the feature by that one, and the context
        would not test the weak activation. The strongest windows are taken as they are.

        Args:
            activations: On each place's slice, [n, longest slice].
            peak: Index of each place in its slice, [n].

        Returns:
            [n].
        """
        if self.stratum == "top":
            return np.ones(len(self.place), np.bool_)
        most = activations[np.arange(len(peak)), peak] if self.is_positive else np.zeros(len(peak), np.float32)
        fits: NDArray[np.bool_] = np.all(activations <= most[:, None], axis=1)
        return fits


@dataclass(frozen=True)
class Picked:
    """One place chosen for one feature; the context is made of it later."""

    feature: int
    split: Split
    stratum: str
    rank: int
    fallback: str
    """See ``Context.fallback``."""
    number: int
    """Index among the proposals."""


def pick(proposals: Proposals, fits: NDArray[np.bool_], n: int, *, used: set[int], context_length: int) -> list[Picked]:
    """Choose among the places that fit.

    Args:
        proposals: Of one stratum.
        fits: Which of them may be chosen, [number of places].
        n: How many are wanted.
        used: Places of this feature and split taken already; what is chosen is added.
        context_length: Positions of a window.
    """
    left = np.flatnonzero(fits)
    chosen = left[choose(proposals.place[left].tolist(), n, used=used, context_length=context_length)].tolist()
    feature, split, stratum = proposals.feature, proposals.split, proposals.stratum
    return [
        Picked(feature, split, stratum, rank, proposals.fallback[i] if proposals.fallback else "", i)
        for rank, i in enumerate(chosen)
    ]
