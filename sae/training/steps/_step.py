"""What a step needs to know, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sae.kernels import RowSums, choose_kernels
from sae.penalties import FrequencyPenalty
from sae.training._batch import Batch
from sae.training._loss import LossWeights
from sae.training._weights import Weights

CHUNK_ELEMENTS = 2**22
"""Dense activations a CPU holds at once: 16 MiB, near its caches."""
CHUNK_ELEMENTS_GPU = 2**28
"""The same for an accelerator, which wants large products: 1 GiB."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What is minimised, beside the weights and the data."""

    loss: LossWeights
    """Weights of error and penalty, and the penalty."""
    architecture: str = "standard"
    """One of ``STEPS``."""
    k: int = 0
    """Features an input, where the largest are selected."""
    widths: tuple[int, ...] = ()
    """The nested sizes that reconstruct alone, ascending; empty for all features alone."""
    screen: float = 0.0
    """batchtopk: a guess that is certainly below the smallest feature selected; only the speed depends on it."""
    counts_features: bool = False
    """jumprelu: the penalty is L0, the number of features that fire."""
    l0_target: float | None = None
    """jumprelu: with it the penalty is ``(L0 / target - 1)^2``."""
    bandwidth: float = 0.1
    """jumprelu: width of the window around a threshold."""
    frequency: FrequencyPenalty | None = None
    """A penalty on rare features, of what the other penalty is of; it sees each batch's counts."""
    encoder_dtype: torch.dtype = torch.float32
    """Of the encoder's product."""


Gradient = Tensor | RowSums
"""Of one weight: whole, or the sums that it consists of."""


@dataclass(frozen=True)
class Step:
    """The gradients of one batch, and what was seen on the way."""

    gradients: dict[str, Gradient]
    """By the names of ``Weights.named``, in its order."""
    error: Tensor
    """[n, d_in]: reconstruction minus target."""
    squared_error: Tensor
    """Scalar: sum over inputs and dimensions."""
    penalty: Tensor
    """Scalar: sum over inputs of what the penalty reports, before its weight."""
    counts: Tensor
    """float32 [d_sae]: inputs on which each feature fired."""
    other_error: Tensor | None = None
    """Scalar: squared error of the other reconstructions in the loss (nested prefixes, the gate's own)."""
    smallest: Tensor | None = None
    """Scalar, batchtopk: the smallest activation that was selected."""


StepFunction = Callable[[Batch, Weights, Objective], Step]
"""``(batch, weights, objective) -> Step``"""


def stored(gradient: Gradient) -> Tensor:
    """Give a gradient as a tensor."""
    if isinstance(gradient, Tensor):
        return gradient
    table = gradient.table if gradient.shift is None else gradient.table - gradient.shift
    return choose_kernels(table.device).weighted_rows(gradient.index, table, gradient.ends, gradient.weight)


def chunk_rows(x: Tensor, d_sae: int) -> int:
    """Give the number of inputs whose dense activations are held at once."""
    return max(256, (CHUNK_ELEMENTS if x.device.type == "cpu" else CHUNK_ELEMENTS_GPU) // d_sae)


def target_factor(objective: Objective, n_active: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Give L0's penalty, summed over inputs, and its derivative by L0.

    Args:
        objective: With or without a target.
        n_active: Scalar: features that fire, over the batch.
        n: Inputs.

    Returns:
        Two scalars: ``(n * L0, 1)``, or with a target ``(n * (L0 / target - 1)^2, 2 * (L0 / target - 1) / target)``.
    """
    if objective.l0_target is None:
        return n_active, torch.ones_like(n_active)
    excess = n_active / (n * objective.l0_target) - 1
    return n * excess.square(), 2 * excess / objective.l0_target


def sum_of_squares(error: Tensor) -> Tensor:
    """Sum the squares of a contiguous tensor, without storing them."""
    flat = error.view(-1)
    return torch.dot(flat, flat)
