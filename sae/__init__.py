"""Sparse autoencoders: tensors in, tensors out.

The core knows no text, no language model and no LLM. ``load`` and ``save`` move SAEs to and from disk, ``SAE`` encodes
and decodes, ``train`` learns one from a stream of activations, ``metrics`` and ``compare`` judge them.
"""

from __future__ import annotations

from sae import compare, formats, metrics
from sae._config import SAEConfig, SAEMetadata
from sae._errors import SAEError
from sae._model import SAE
from sae._selectivity import selectivity
from sae._sparse import SparseActs
from sae.formats import load, save
from sae.training import (
    ActivationBuffer,
    TrainConfig,
    TrainResult,
    TrainStep,
    fold_decoder_norm,
    fold_input_scale,
    geometric_median,
    sparsity_loss,
    train,
)

__all__ = [
    "SAE",
    "ActivationBuffer",
    "SAEConfig",
    "SAEError",
    "SAEMetadata",
    "SparseActs",
    "TrainConfig",
    "TrainResult",
    "TrainStep",
    "compare",
    "fold_decoder_norm",
    "fold_input_scale",
    "formats",
    "geometric_median",
    "load",
    "metrics",
    "save",
    "selectivity",
    "sparsity_loss",
    "train",
]
