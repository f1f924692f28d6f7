"""For each feature of one SAE, the feature of another whose decoder direction is closest to its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from sae._errors import SAEError

BLOCK_CELLS = 2**24
"""Cosines held at once: 64 MiB in float32."""


@dataclass(frozen=True)
class Nearest:
    """What lies closest to each of n directions."""

    cosine: Tensor
    """float32 [n]: the largest cosine; -1 where a direction and its opposite are all there is."""
    index: Tensor
    """int64 [n]: the row of the other dictionary that has it."""


@torch.no_grad()
def nearest_both_ways(
    left: Tensor, right: Tensor, *, progress: Callable[[int, int], None] | None = None
) -> tuple[Nearest, Nearest]:
    """Find the largest cosine of each direction with the other dictionary's, in one pass over blocks.

    A direction and its opposite are different features (cosine -1). The measure is Farrell's ("Experiments with an
    alternative method to promote sparsity in sparse autoencoders", 2024): the share of features whose cosine passes
    0.9 or 0.8, and the median. It is not symmetric.

    Args:
        left: [a, d_in], of any row norms; a zero row has cosine 0 with everything.
        right: [b, d_in].
        progress: Called with rows of ``left`` done, and of all.

    Returns:
        What is closest to each row of ``left`` in ``right``, and the reverse.

    Raises:
        SAEError: The two have different d_in, or one of them has no row.
    """
    left, right = unit_pair(left, right)
    n_rows = max(1, BLOCK_CELLS // len(right))
    forward: list[tuple[Tensor, Tensor]] = []
    best = left.new_full((len(right),), -torch.inf)
    best_index = torch.zeros(len(right), dtype=torch.int64, device=left.device)
    for start in range(0, len(left), n_rows):
        cosines = left[start : start + n_rows] @ right.T  # [rows, b]
        forward.append(_largest(cosines, dim=1))
        value, index = _largest(cosines, dim=0)
        better = value > best
        best = torch.where(better, value, best)
        best_index = torch.where(better, index + start, best_index)
        if progress is not None:
            progress(min(start + n_rows, len(left)), len(left))
    values, indices = zip(*forward, strict=True)
    return Nearest(torch.cat(values), torch.cat(indices)), Nearest(best, best_index)


def unit_pair(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Give two dictionaries as float32 unit rows on one device.

    Raises:
        SAEError: They have different d_in, or one of them has no row.
    """
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1]:
        raise SAEError(
            f"decoders must be [d_sae, d_in] with the same d_in, found {tuple(left.shape)} and {tuple(right.shape)}"
        )
    if not len(left) or not len(right):
        raise SAEError(f"there must be features on both sides, found {len(left)} and {len(right)}")
    return normalize(left.float(), dim=1), normalize(right.to(left.device).float(), dim=1)


def _largest(cosines: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    value, index = cosines.max(dim=dim)
    return value.clamp(-1.0, 1.0), index
