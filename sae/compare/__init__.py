"""Comparing the features of SAEs."""

from __future__ import annotations

from sae.compare._matching import MAX_EXACT_CELLS, N_CANDIDATES, Matching, match_one_to_one
from sae.compare._moments import PairMoments
from sae.compare._nearest import Nearest, nearest_both_ways
from sae.compare._random_directions import directions_like, isotropic_directions
from sae.compare._sparse_map import SparseMap, explained, fit_sparse_map
from sae.compare._sum_pairs import sum_random_pairs
from sae.compare._twins import decoder_twins

__all__ = [
    "MAX_EXACT_CELLS",
    "N_CANDIDATES",
    "Matching",
    "Nearest",
    "PairMoments",
    "SparseMap",
    "decoder_twins",
    "directions_like",
    "explained",
    "fit_sparse_map",
    "isotropic_directions",
    "match_one_to_one",
    "nearest_both_ways",
    "sum_random_pairs",
]
