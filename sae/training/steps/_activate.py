"""From pre-activations to features, for every architecture, in a form that autograd can differentiate."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sae.training._weights import Weights
from sae.training.steps._step import Objective
from sae.training.steps._straight_through import jump

SELECTING_FROM_THE_BATCH = ("batchtopk", "matryoshka")
"""Architectures in which inputs compete."""


@dataclass(frozen=True)
class Activations:
    """Of some inputs."""

    features: Tensor
    """[rows, d_sae], not negative."""
    penalised: Tensor
    """[rows, d_sae], not negative: what the penalty is of; a gated SAE's open gates."""


def activate(pre: Tensor, weights: Weights, objective: Objective) -> Activations:
    """Turn pre-activations into features.

    Args:
        pre: [rows, d_sae]: the encoder's output with b_enc.
        weights: What else decides.
        objective: The architecture and its settings.

    Returns:
        The features; gradients flow.
    """
    if objective.architecture == "gated":
        return _gated(pre, weights)
    if objective.architecture == "jumprelu":
        assert weights.threshold is not None
        features = jump(pre, weights.threshold, objective.bandwidth)
    elif objective.architecture == "topk":
        chosen = torch.topk(pre, objective.k, dim=1)
        features = torch.zeros_like(pre).scatter(1, chosen.indices, chosen.values.relu())
    elif objective.architecture in SELECTING_FROM_THE_BATCH:
        chosen = torch.topk(pre.relu().flatten(), objective.k * len(pre))
        features = torch.zeros_like(pre).flatten().scatter(0, chosen.indices, chosen.values).view_as(pre)
    else:
        features = pre.relu()
    return Activations(features, objective.loss.penalised(features, weights.decoder))


def _gated(gate: Tensor, weights: Weights) -> Activations:
    """Rajamanoharan et al. 2024 (arXiv:2404.16014), equation 6."""
    assert weights.r_mag is not None
    assert weights.b_mag is not None
    magnitude = ((gate - weights.b_enc) * weights.r_mag.exp() + weights.b_mag).relu()
    return Activations((gate > 0) * magnitude, gate.relu())
