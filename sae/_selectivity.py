"""How selective a feature is: strong when it fires, and firing rarely."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def selectivity(mean: ArrayLike, count: ArrayLike, *, min_count: int = 10) -> NDArray[np.float64]:
    """Compute ``mean activation / ln(count + 1)`` (the seed study's score; the base of the logarithm changes no order).

    Args:
        mean: [F], mean activation over the tokens on which a feature fires.
        count: [F], on how many tokens it fires.
        min_count: Below this count the mean says too little, and the score is nan.

    Returns:
        float64 [F].
    """
    means = np.asarray(mean, dtype=np.float64)
    counts = np.asarray(count, dtype=np.float64)
    known = counts >= max(min_count, 1)
    logs = np.log1p(np.where(known, counts, 1.0))
    return np.where(known, means / logs, np.nan)
