"""The ranges of density that the literature speaks of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from autointerp.evaluate._estimates import over_features

Holds = Callable[[NDArray[np.float64]], NDArray[np.bool_]]

RANGES: dict[str, tuple[str, Holds]] = {
    "never": ("never fire", lambda density: density == 0),
    "below_1e-6": ("fire, on less than 1e-6 of the tokens (ultralow: Bricken et al.)", lambda d: (d > 0) & (d < 1e-6)),
    "below_1e-5": ("fire, on less than 1e-5 of the tokens (ultralow: Bloom, Farrell)", lambda d: (d > 0) & (d < 1e-5)),
    "below_1e-4": ("fire, on less than 1e-4 of the tokens (rare: Nanda)", lambda d: (d > 0) & (d < 1e-4)),
    "above_0.01": ("fire on more than 1% of the tokens", lambda density: density > 0.01),
    "above_0.1": ("fire on more than 10% of the tokens (high-frequency)", lambda density: density > 0.1),
    "above_0.2": ("fire on more than 20% of the tokens (Farrell's count)", lambda density: density > 0.2),
}
"""Name -> what such features do, and which densities are in it. They overlap."""


def density_ranges(density: NDArray[np.float64], W_enc: Tensor, *, n_tokens: int, seed: int) -> pd.DataFrame:
    """Count features by range.

    Args:
        density: Share of tokens each feature fires on, [F].
        W_enc: [d_in, F].
        n_tokens: Tokens the densities rest on.
        seed: Of the errors.

    Returns:
        A row a range: ``range``, ``n_features``, ``share``, ``standard_error``, ``encoder_cosine`` (mean over pairs of
        its features; nan for fewer than two).
    """
    unit = torch.nn.functional.normalize(W_enc.double(), dim=0)  # [d_in, F]
    rows = []
    for name, (_, holds) in RANGES.items():
        inside = holds(density)
        share = over_features(inside, n_tokens=n_tokens, seed=seed)
        rows.append(
            {
                "range": name,
                "n_features": int(inside.sum()),
                "share": share.value,
                "standard_error": share.standard_error,
                "encoder_cosine": mean_cosine(unit[:, torch.from_numpy(inside)]),
            }
        )
    return pd.DataFrame(rows)


def mean_cosine(unit: Tensor) -> float:
    """Mean cosine over pairs of different columns.

    Args:
        unit: Columns of length one, [d, n].

    Returns:
        nan for fewer than two columns.
    """
    n = unit.shape[1]
    return float((unit.sum(dim=1).square().sum() - n) / (n * (n - 1))) if n > 1 else float("nan")
