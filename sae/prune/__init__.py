"""Removing weak activations, or frequent features, from what an SAE encoded, and what that costs.

The four rules for weak activations are those of Riggs Smith and Brinkmann ("Improving SAEs by sqrt()-ing L1 & removing
lowest activating features", 2024). Each rule takes features as a dense tensor [n, d_sae] or as ``SparseActs``, gives
the same kind back, and changes nothing in place. What is left is decoded by the SAE as it is.
"""

from __future__ import annotations

from sae.prune._curve import Removal, removal_curve
from sae.prune._cutoff import remove_below, remove_below_quantile, remove_below_share_of_max
from sae.prune._frequent import remove_frequent
from sae.prune._lowest import remove_lowest
from sae.prune._reference import feature_max, feature_quantiles

__all__ = [
    "Removal",
    "feature_max",
    "feature_quantiles",
    "removal_curve",
    "remove_below",
    "remove_below_quantile",
    "remove_below_share_of_max",
    "remove_frequent",
    "remove_lowest",
]
