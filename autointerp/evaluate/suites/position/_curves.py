"""Firings by position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autointerp.evaluate._explained import explained_by, group_sums
from autointerp.evaluate._firings import Firings


@dataclass(frozen=True)
class Curves:
    """Counts and sums of every feature at every position; P positions, F features."""

    n_tokens_at: NDArray[np.int64]
    """[P]."""
    n_active_at: NDArray[np.int64]
    """[P, F]."""
    total_at: Any
    """csr_array [P, F]: sum of activations."""
    r2: NDArray[np.float64]
    """Share of the variance of the activation (zeros included) that position explains, adjusted, [F]."""
    r2_active: NDArray[np.float64]
    """The same for whether the feature fires, [F]."""

    @property
    def n_tokens(self) -> int:
        """All of them."""
        return int(self.n_tokens_at.sum())

    @property
    def n_active(self) -> NDArray[np.int64]:
        """Tokens each feature fires on, [F]."""
        count: NDArray[np.int64] = self.n_active_at.sum(axis=0)
        return count

    def rows(self, feature: int) -> pd.DataFrame:
        """One feature at every position that occurs.

        Returns:
            ``feature``, ``position``, ``n_tokens``, ``n_active``, ``p_active`` with its binomial ``standard_error``,
            and ``mean_activation`` (where active; null where it never is).
        """
        at = np.flatnonzero(self.n_tokens_at)
        n, active = self.n_tokens_at[at], self.n_active_at[at, feature]
        share, total = active / n, self.total_at[:, [feature]].toarray()[at, 0]
        mean = np.divide(total, active, out=np.full(len(at), np.nan), where=active > 0)
        return pd.DataFrame(
            {
                "feature": feature,
                "position": at,
                "n_tokens": n,
                "n_active": active,
                "p_active": share,
                "standard_error": np.sqrt(share * (1 - share) / n),
                "mean_activation": mean,
            }
        )


def curves_of(firings: Firings) -> Curves:
    """Count and sum.

    Args:
        firings: On all real tokens.
    """
    n_positions = int(firings.position.max(initial=0)) + 1
    active = firings.active
    return Curves(
        n_tokens_at=np.bincount(firings.position, minlength=n_positions),
        n_active_at=group_sums(active, firings.position, n_positions).toarray().round().astype(np.int64),
        total_at=group_sums(firings.values, firings.position, n_positions),
        r2=explained_by(firings.values, firings.position),
        r2_active=explained_by(active, firings.position),
    )
