"""Ways to leave activations out, with settings that span one SAE's activations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sae import SparseActs
from sae.prune import (
    feature_max,
    feature_quantiles,
    remove_below,
    remove_below_quantile,
    remove_below_share_of_max,
    remove_frequent,
    remove_lowest,
)

_SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Of an SAE's activations that a rule is meant to remove; the settings are made for these."""


@dataclass(frozen=True)
class Rule:
    """One way to remove activations, and how hard it is applied."""

    name: str
    title: str
    settings: tuple[float, ...]
    """Ascending in what is removed; none of them removes nothing."""
    remove: Callable[[SparseActs, float], SparseActs]


def join(batches: Iterable[SparseActs]) -> SparseActs:
    """Put batches of activations one after the other.

    Raises:
        ValueError: There is none.
    """
    given = list(batches)
    starts = np.cumsum([0, *(acts.n_rows for acts in given)])
    return SparseActs(
        row=torch.cat([acts.row + int(start) for acts, start in zip(given, starts[:-1], strict=True)]),
        feature=torch.cat([acts.feature for acts in given]),
        value=torch.cat([acts.value for acts in given]),
        n_rows=int(starts[-1]),
        d_sae=given[0].d_sae,
    )


def removal_rules(reference: SparseActs) -> list[Rule]:
    """The four rules of Riggs Smith and Brinkmann (2024) and the removal of frequent features.

    Args:
        reference: What the SAE encodes on reference text: maxima, quantiles and densities come from it.

    Returns:
        Rules whose settings remove about 10, 25, 50, 75 and 90 % of the reference's activations.
    """
    maxima = feature_max(reference)
    density = torch.bincount(reference.feature, minlength=reference.d_sae).double() / reference.n_rows
    l0 = len(reference.value) / reference.n_rows
    share_of_max = (reference.value / maxima[reference.feature]).cpu().double().numpy()
    values = reference.value.cpu().double().numpy()
    by_quantile = {q: feature_quantiles(reference, q) for q in _SHARES}
    k = _distinct(max(1, round(share * l0)) for share in _SHARES)
    return [
        Rule("k_lowest", "k lowest of each token", k, lambda acts, k: remove_lowest(acts, int(k))),
        Rule(
            "share_of_max",
            "below a share of the feature's maximum",
            _quantiles(share_of_max),
            lambda acts, share: remove_below_share_of_max(acts, maxima, share),
        ),
        Rule(
            "own_quantile",
            "below the feature's own quantile",
            _SHARES,
            lambda acts, q: remove_below_quantile(acts, by_quantile[q]),
        ),
        Rule("global", "below one cutoff for all", _quantiles(values), remove_below),
        Rule(
            "frequent",
            "features that fire often",
            _densities(density),
            lambda acts, cutoff: remove_frequent(acts, density, cutoff),
        ),
    ]


def _distinct(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(sorted(set(values)))


def _quantiles(values: NDArray[np.float64]) -> tuple[float, ...]:
    return _distinct(float(np.quantile(values, share)) for share in _SHARES) if len(values) else ()


def _densities(density: Tensor) -> tuple[float, ...]:
    """Cutoffs, the highest first, above which lie the features that make up each share of all activations."""
    descending = density.sort(descending=True).values.cpu().numpy()
    total = descending.sum()
    if not total:
        return ()
    places = np.searchsorted(np.cumsum(descending) / total, _SHARES)
    return tuple(sorted({float(descending[min(place + 1, len(descending) - 1)]) for place in places}, reverse=True))
