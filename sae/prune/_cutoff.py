"""Removing activations below a cutoff: one for all features, or each feature's own."""

from __future__ import annotations

from torch import Tensor

from sae._errors import SAEError
from sae._sparse import SparseActs
from sae.prune._acts import Acts, keep_only


def remove_below(acts: Acts, cutoff: float) -> Acts:
    """Remove every activation below one global cutoff.

    Args:
        acts: Dense [n, d_sae] or sparse.
        cutoff: In the units of the activations.

    Returns:
        The same kind.
    """
    return keep_only(acts, lambda triples: triples.value >= cutoff)


def remove_below_share_of_max(acts: Acts, maxima: Tensor, share: float) -> Acts:
    """Remove every activation below a share of its feature's maximum.

    Args:
        acts: Dense [n, d_sae] or sparse.
        maxima: [d_sae]: over reference inputs, see ``feature_max``.
        share: From 0 (removes nothing) to 1.

    Returns:
        The same kind.

    Raises:
        SAEError: ``maxima`` has another length than d_sae, or the share does not lie in 0..1.
    """
    if not 0 <= share <= 1:
        raise SAEError(f"share must lie between 0 and 1, found {share}")
    return keep_only(acts, lambda triples: _not_below(triples, share * maxima, name="maxima"))


def remove_below_quantile(acts: Acts, quantiles: Tensor) -> Acts:
    """Remove every activation below its feature's own quantile.

    Args:
        acts: Dense [n, d_sae] or sparse.
        quantiles: [d_sae]: over reference inputs, see ``feature_quantiles``.

    Returns:
        The same kind.

    Raises:
        SAEError: ``quantiles`` has another length than d_sae.
    """
    return keep_only(acts, lambda triples: _not_below(triples, quantiles, name="quantiles"))


def _not_below(acts: SparseActs, cutoffs: Tensor, *, name: str) -> Tensor:
    if tuple(cutoffs.shape) != (acts.d_sae,):
        raise SAEError(f"{name} must have shape ({acts.d_sae},), one per feature, found {tuple(cutoffs.shape)}")
    return acts.value >= cutoffs.to(acts.value.device)[acts.feature]
