"""One pass over the text: every feature's statistics, and contexts for those that are chosen."""

from autointerp.harvest._batches import Shard, counts_mask, list_shards
from autointerp.harvest._config import ContextConfig, HarvestConfig
from autointerp.harvest._context import DECILES, STRATA, Context, Split
from autointerp.harvest._contexts import write_contexts
from autointerp.harvest._contexts_file import load_contexts, load_passed_over
from autointerp.harvest._everywhere import Firings, find_firings
from autointerp.harvest._features import feature_table, load_features
from autointerp.harvest._histogram import EDGES as HISTOGRAM_EDGES
from autointerp.harvest._pass import harvest, load_sketch, sketch_shard
from autointerp.harvest._sketch import FeatureSketch, merge
from autointerp.harvest._spec import Peaks, SketchSpec

__all__ = [
    "DECILES",
    "HISTOGRAM_EDGES",
    "STRATA",
    "Context",
    "ContextConfig",
    "FeatureSketch",
    "Firings",
    "HarvestConfig",
    "Peaks",
    "Shard",
    "SketchSpec",
    "Split",
    "counts_mask",
    "feature_table",
    "find_firings",
    "harvest",
    "list_shards",
    "load_contexts",
    "load_features",
    "load_passed_over",
    "load_sketch",
    "merge",
    "sketch_shard",
    "write_contexts",
]
