"""Features that are copies of each other."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from sae._errors import SAEError

BLOCK_ELEMENTS = 2**23
"""Cosines held at once: 32 MiB in float32."""


@torch.no_grad()
def decoder_twins(W_dec: Tensor, threshold: float = 0.99, *, alive: Tensor | None = None) -> Tensor:
    """Find near-duplicate features by the cosine of their decoder directions.

    Features whose cosine is above the threshold are linked; what is linked, also through others, is one cluster,
    and its lowest index stands for it.

    Args:
        W_dec: [d_sae, d_in], of any row norms; a zero row matches nothing.
        threshold: Cosine above which two features are the same, in (0, 1).
        alive: bool [d_sae]; features that are not alive match nothing. All are alive by default.

    Returns:
        int64 [d_sae] on the CPU: the feature that stands for this one, or -1 where it stands for itself.

    Raises:
        SAEError: The threshold is not in (0, 1), or ``alive`` has another length than ``W_dec``.
    """
    if not 0 < threshold < 1:
        raise SAEError(f"threshold must lie between 0 and 1, found {threshold}")
    if alive is not None and tuple(alive.shape) != (len(W_dec),):
        raise SAEError(f"alive must have shape ({len(W_dec)},), found {tuple(alive.shape)}")
    unit = torch.nn.functional.normalize(W_dec.float(), dim=1)  # [d_sae, d_in]; zero rows stay zero
    if alive is not None:
        unit = unit * alive.to(unit)[:, None]
    d_sae = len(unit)
    cluster = np.arange(d_sae)  # each feature's lowest linked index so far
    n_rows = max(1, BLOCK_ELEMENTS // d_sae)
    for start in range(0, d_sae, n_rows):
        cosines = unit[start : start + n_rows] @ unit[start:].T  # [rows, d_sae - start]
        left, right = (cosines > threshold).triu(diagonal=1).nonzero().cpu().numpy().T + start
        if len(left):
            cluster = _merge(cluster, left, right)
    return torch.from_numpy(np.where(cluster == np.arange(d_sae), -1, cluster))


def _merge(cluster: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Join clusters over new links; the lowest index of each stands for it."""
    size = len(cluster)
    ends = np.concatenate([np.arange(size), left]), np.concatenate([cluster, right])
    _, component = connected_components(coo_array((np.ones(len(ends[0]), dtype=bool), ends), shape=(size, size)))
    lowest = np.full(component.max() + 1, size)
    np.minimum.at(lowest, component, np.arange(size))
    merged: np.ndarray = lowest[component]
    return merged
