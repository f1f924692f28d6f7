"""The gradients of one batch: a small file a family of architectures."""

from __future__ import annotations

from sae.training.steps._activate import Activations, activate
from sae.training.steps._autograd import autograd_step
from sae.training.steps._choose import STEPS, choose_step
from sae.training.steps._gated import gated_sparse_step
from sae.training.steps._jumprelu import jumprelu_sparse_step
from sae.training.steps._relu import relu_dense_step, relu_sparse_step
from sae.training.steps._selected import batchtopk_step, topk_step
from sae.training.steps._step import Gradient, Objective, Step, StepFunction, stored, target_factor

__all__ = [
    "STEPS",
    "Activations",
    "Gradient",
    "Objective",
    "Step",
    "StepFunction",
    "activate",
    "autograd_step",
    "batchtopk_step",
    "choose_step",
    "gated_sparse_step",
    "jumprelu_sparse_step",
    "relu_dense_step",
    "relu_sparse_step",
    "stored",
    "target_factor",
    "topk_step",
]
