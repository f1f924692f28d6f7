"""Which way gradients are computed."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sae.training.steps._autograd import autograd_step
from sae.training.steps._gated import gated_sparse_step
from sae.training.steps._jumprelu import jumprelu_sparse_step
from sae.training.steps._relu import relu_dense_step, relu_sparse_step
from sae.training.steps._selected import batchtopk_step, topk_step
from sae.training.steps._step import Objective, StepFunction

SPARSE_DENSITY = 0.15
"""Share of active features below which the sparse way is faster on a CPU."""


@dataclass(frozen=True)
class Ways:
    """The two ways of an architecture; they give the same numbers up to rounding."""

    dense: StepFunction
    """For many active features."""
    sparse: StepFunction
    """For few."""


STEPS: dict[str, Ways] = {
    "standard": Ways(relu_dense_step, relu_sparse_step),
    "tied": Ways(relu_dense_step, relu_sparse_step),
    "gated": Ways(autograd_step, gated_sparse_step),
    "topk": Ways(topk_step, topk_step),
    "batchtopk": Ways(batchtopk_step, batchtopk_step),
    "jumprelu": Ways(autograd_step, jumprelu_sparse_step),
    "matryoshka": Ways(batchtopk_step, batchtopk_step),
}
"""By architecture."""


def choose_step(objective: Objective, device: torch.device, density: float) -> StepFunction:
    """Choose the faster way.

    Args:
        objective: Its architecture decides; a frequency penalty needs the sparse way.
        device: On an accelerator dense products win at any density.
        density: Share of features that were active in the step before.

    Returns:
        The step.
    """
    ways = STEPS[objective.architecture]
    sparse = (device.type == "cpu" and density < SPARSE_DENSITY) or objective.frequency is not None
    return ways.sparse if sparse else ways.dense
