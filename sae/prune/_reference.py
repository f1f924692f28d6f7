"""What a feature's own activations look like over reference inputs."""

from __future__ import annotations

import torch
from torch import Tensor

from sae._errors import SAEError
from sae._sparse import SparseActs
from sae.prune._acts import as_triples


def feature_max(acts: Tensor | SparseActs) -> Tensor:
    """Give each feature's largest activation.

    Args:
        acts: Dense [n, d_sae] or sparse.

    Returns:
        [d_sae]: 0 for a feature that never fires.
    """
    triples = as_triples(acts)
    return triples.value.new_zeros(triples.d_sae).scatter_reduce_(0, triples.feature, triples.value, "amax")


def feature_quantiles(acts: Tensor | SparseActs, q: float) -> Tensor:
    """Give the q-quantile of each feature's activations above zero, interpolated linearly.

    Args:
        acts: Dense [n, d_sae] or sparse.
        q: From 0 to 1.

    Returns:
        [d_sae]: 0 for a feature that never fires.

    Raises:
        SAEError: q does not lie in 0..1.
    """
    if not 0 <= q <= 1:
        raise SAEError(f"q must lie between 0 and 1, found {q}")
    triples = as_triples(acts)
    by_value = torch.argsort(triples.value, stable=True)
    order = by_value[torch.argsort(triples.feature[by_value], stable=True)]  # by feature, then by value
    value = triples.value[order]
    counts = torch.bincount(triples.feature, minlength=triples.d_sae)
    quantiles = value.new_zeros(triples.d_sae)
    fires = counts > 0
    first = (counts.cumsum(0) - counts)[fires]
    place = q * (counts[fires] - 1).double()  # between two order statistics of the feature
    low = place.long()
    high = torch.minimum(low + 1, counts[fires] - 1)
    quantiles[fires] = torch.lerp(value[first + low], value[first + high], (place - low).to(value.dtype))
    return quantiles
