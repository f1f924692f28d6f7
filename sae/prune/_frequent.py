"""Removing features that fire too often."""

from __future__ import annotations

from torch import Tensor

from sae._errors import SAEError
from sae._sparse import SparseActs
from sae.prune._acts import Acts, keep_only


def remove_frequent(acts: Acts, density: Tensor, cutoff: float) -> Acts:
    """Remove every feature that fires on more than a share of inputs.

    Args:
        acts: Dense [n, d_sae] or sparse.
        density: [d_sae]: share of reference inputs on which each feature fires.
        cutoff: From 0 to 1 (removes nothing).

    Returns:
        The same kind.

    Raises:
        SAEError: ``density`` has another length than d_sae.
    """

    def stays(triples: SparseActs) -> Tensor:
        if tuple(density.shape) != (triples.d_sae,):
            raise SAEError(f"density must have shape ({triples.d_sae},), one per feature, found {tuple(density.shape)}")
        return density.to(triples.value.device)[triples.feature] <= cutoff

    return keep_only(acts, stays)
