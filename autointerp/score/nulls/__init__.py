"""Nulls: what features that mean nothing reach in the same pipeline."""

from autointerp.score.nulls._build import Parts, build_null
from autointerp.score.nulls._names import CONTROL, DEFAULT_N_FEATURES, NULLS, SHUFFLED_LABELS, parse_nulls
from autointerp.score.nulls._random_directions import random_directions
from autointerp.score.nulls._shuffled_activations import shuffle_activations
from autointerp.score.nulls._summary import null_directory, null_summaries
from autointerp.score.nulls._trained import null_recipe, train_null

__all__ = [
    "CONTROL",
    "DEFAULT_N_FEATURES",
    "NULLS",
    "SHUFFLED_LABELS",
    "Parts",
    "build_null",
    "null_directory",
    "null_recipe",
    "null_summaries",
    "parse_nulls",
    "random_directions",
    "shuffle_activations",
    "train_null",
]
