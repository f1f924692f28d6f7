"""Features that training finds again from another seed, and that another SAE lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autointerp.evaluate._estimates import Estimate
from autointerp.evaluate._findings import Findings, Table
from autointerp.evaluate.compare._closeness import Closeness
from autointerp.evaluate.compare._dictionary import Dictionary


@dataclass(frozen=True)
class StableRule:
    """When a feature counts as there, and as not there."""

    stable_above: float = 0.9
    """Stable: the largest cosine with each seed is above this."""
    absent_below: float = 0.5
    """Absent: the largest cosine is below this."""

    def stable(self, cosines: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Which features are in every one of some dictionaries: k times [n] -> [n]."""
        found: NDArray[np.bool_] = np.all(np.stack(cosines) > self.stable_above, axis=0)
        return found

    def absent(self, cosine: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which features are not in a dictionary, [n]."""
        found: NDArray[np.bool_] = np.less(cosine, self.absent_below)
        return found


def add_stable(
    found: Findings, a: Dictionary, b: Dictionary, *, to_b: Closeness, to_seeds: Sequence[Closeness], rule: StableRule
) -> None:
    """Add the features of A that are stable across its seeds and absent in B, and how many that is.

    Args:
        found: Gets a table and numbers.
        a: The SAE under study.
        b: The other.
        to_b: A looked for in B.
        to_seeds: A looked for in each other seed, at least one.
        rule: The two thresholds.
    """
    cosines = [one.cosine for one in to_seeds]
    stable, absent = rule.stable(cosines), rule.absent(to_b.cosine)
    found.number(
        "stable_share",
        _share(stable),
        f"Share of {a.name}'s features with cosine above {rule.stable_above:g} in each of {len(cosines)} other seeds.",
    )
    found.number(
        "stable_absent_share",
        _share(absent[stable]),
        f"Share of these that are absent in {b.name}: largest cosine below {rule.absent_below:g}.",
    )
    if len(cosines) > 1:
        left_out = [rule.absent(one)[rule.stable([other for other in cosines if other is not one])] for one in cosines]
        found.number(
            "stable_absent_share_in_a_seed",
            _share(np.concatenate(left_out)),
            "The same with each seed in turn in B's place, stable across the others: what another seed lacks by "
            "chance. Standard error as if seeds were independent.",
        )
    chosen = np.flatnonzero(stable & absent)
    frame = pd.DataFrame({
        "feature": a.features[chosen],
        "cosine_b": to_b.cosine[chosen],
        "nearest_b": b.features[to_b.index[chosen]],
        "lowest_seed_cosine": np.min(cosines, axis=0)[chosen],
    })  # fmt: skip
    found.tables["stable_absent"] = Table(
        frame.sort_values(["cosine_b", "feature"], ignore_index=True),
        f"The {len(chosen):,} features of {a.name} that every seed finds and {b.name} lacks, the most absent first: "
        f"candidates for what {b.name}'s training can't learn.",
    )


def _share(flags: NDArray[np.bool_]) -> Estimate:
    """A share of features with its binomial standard error."""
    n = len(flags)
    share = float(flags.mean()) if n else float("nan")
    return Estimate(share, float(np.sqrt(share * (1 - share) / n)) if n else float("nan"), n)
