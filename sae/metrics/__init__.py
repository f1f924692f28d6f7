"""How well an SAE reconstructs, and how sparsely: on one batch, or summed over a stream of them.

Shapes: x and reconstruction [n, d_in], features [n, d_sae].
"""

from __future__ import annotations

from sae.metrics._batch import cosine, explained, fvu, l0, l2_ratio, mse, row_cosine, row_l2_ratio
from sae.metrics._quality import Quality, evaluate
from sae.metrics._rows import row_errors

__all__ = [
    "Quality",
    "cosine",
    "evaluate",
    "explained",
    "fvu",
    "l0",
    "l2_ratio",
    "mse",
    "row_cosine",
    "row_errors",
    "row_l2_ratio",
]
