"""Training SAEs: the loss, its gradients, the stream of activations, dead features."""

from __future__ import annotations

from sae.training._aux_k import AuxStep, aux_k_step
from sae.training._buffer import ActivationBuffer
from sae.training._config import TrainConfig
from sae.training._fold import fold_decoder_norm, fold_input_scale
from sae.training._frozen_decoder import train_frozen_decoder
from sae.training._geometric_median import geometric_median
from sae.training._history import TrainStep
from sae.training._loss import sparsity_loss
from sae.training._resample import RESAMPLING, Resampling
from sae.training._train import TrainResult, train, train_many
from sae.training._trainer import Trainer

__all__ = [
    "RESAMPLING",
    "ActivationBuffer",
    "AuxStep",
    "Resampling",
    "TrainConfig",
    "TrainResult",
    "TrainStep",
    "Trainer",
    "aux_k_step",
    "fold_decoder_norm",
    "fold_input_scale",
    "geometric_median",
    "sparsity_loss",
    "train",
    "train_frozen_decoder",
    "train_many",
]
