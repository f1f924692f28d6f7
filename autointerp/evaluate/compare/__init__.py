"""Two SAEs side by side: their decoder directions, and what the features of one are made of in the other."""

from autointerp.evaluate.compare._connections import ConnectionOptions, measure_connections
from autointerp.evaluate.compare._dictionary import Dictionary, read_dictionary
from autointerp.evaluate.compare._directions import measure_directions
from autointerp.evaluate.compare._stable import StableRule

__all__ = [
    "ConnectionOptions",
    "Dictionary",
    "StableRule",
    "measure_connections",
    "measure_directions",
    "read_dictionary",
]
