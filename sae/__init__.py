"""Sparse autoencoders: tensors in, tensors out.

The core knows no text, no language model and no LLM. ``load`` and ``save`` move SAEs to and from disk, ``SAE`` encodes
and decodes, ``train`` learns one from a stream of activations, ``metrics`` and ``compare`` judge them.
"""

from __future__ import annotations

from sae import architectures, compare, finetune, formats, metrics, penalties, prune, stack
from sae._config import SAEConfig, SAEMetadata
from sae._errors import SAEError
from sae._model import SAE
from sae._selectivity import selectivity
from sae._sparse import SparseActs
from sae.architectures import build
from sae.formats import load, save
from sae.training import (
    RESAMPLING,
    ActivationBuffer,
    Resampling,
    TrainConfig,
    Trainer,
    TrainResult,
    TrainStep,
    fold_decoder_norm,
    fold_input_scale,
    geometric_median,
    sparsity_loss,
    train,
    train_frozen_decoder,
    train_many,
)

__all__ = [
    "RESAMPLING",
    "SAE",
    "ActivationBuffer",
    "Resampling",
    "SAEConfig",
    "SAEError",
    "SAEMetadata",
    "SparseActs",
    "TrainConfig",
    "TrainResult",
    "TrainStep",
    "Trainer",
    "architectures",
    "build",
    "compare",
    "finetune",
    "fold_decoder_norm",
    "fold_input_scale",
    "formats",
    "geometric_median",
    "load",
    "metrics",
    "penalties",
    "prune",
    "save",
    "selectivity",
    "sparsity_loss",
    "stack",
    "train",
    "train_frozen_decoder",
    "train_many",
]
