"""Comparing the features of SAEs."""

from __future__ import annotations

from sae.compare._sum_pairs import sum_random_pairs
from sae.compare._twins import decoder_twins

__all__ = ["decoder_twins", "sum_random_pairs"]
