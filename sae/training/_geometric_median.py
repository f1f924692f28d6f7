"""The point with the smallest summed distance: a centre that outliers do not move."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import vector_norm


@torch.no_grad()
def geometric_median(points: Tensor, *, max_iterations: int = 200, tolerance: float = 1e-6) -> Tensor:
    """Find the geometric median by Weiszfeld's iteration (Tohoku Math. J. 43, 1937).

    Args:
        points: [n, d_in].
        max_iterations: Steps at most.
        tolerance: Stop when a step is shorter than this share of the points' mean distance from the median.

    Returns:
        [d_in]
    """
    median = points.mean(dim=0)
    for _ in range(max_iterations):
        distances = vector_norm(points - median, dim=1)
        spread = float(distances.mean())
        if spread == 0:
            break
        weights = 1 / distances.clamp_min(1e-9 * spread)  # a point that lies on the median would weigh infinitely
        following = (weights @ points) / weights.sum()
        moved = float(vector_norm(following - median))
        median = following
        if moved <= tolerance * spread:
            break
    return median
