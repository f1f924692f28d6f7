"""Features that fire on the same tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

N_TOP = 5
MIN_BOTH = 5
"""Features that meet less often are not compared."""


def together(active: Any, features: NDArray[np.int64]) -> pd.DataFrame:
    """Find the features that fire with each of some features.

    Args:
        active: csr_array [n, F], 1 where a feature fires.
        features: Which, [m].

    Returns:
        The five most correlated others of each, most correlated first, of those that meet it on five tokens or more:
        ``feature``, ``other``, ``n_both``, ``n_feature``, ``n_other``, ``correlation`` (phi), ``jaccard``, ``lift``.
    """
    n, counts = active.shape[0], np.asarray(active.sum(axis=0)).ravel()
    meetings = (active[:, features].T @ active).tocoo()  # [m, F]
    row, other = meetings.coords
    both, own = meetings.data, features[row]
    often = (both >= MIN_BOTH) & (own != other)
    own, other, both = own[often], other[often], both[often]
    a, b = counts[own], counts[other]
    spread = np.sqrt(a * (n - a) * b * (n - b))
    table = pd.DataFrame(
        {
            "feature": own,
            "other": other,
            "n_both": both.astype(np.int64),
            "n_feature": a.astype(np.int64),
            "n_other": b.astype(np.int64),
            "correlation": np.divide(n * both - a * b, spread, out=np.zeros(len(own)), where=spread > 0),
            "jaccard": both / (a + b - both),
            "lift": n * both / (a * b),
        }
    )
    table = table.sort_values(["feature", "correlation", "other"], ascending=[True, False, True], kind="stable")
    return table.groupby("feature").head(N_TOP).reset_index(drop=True)
