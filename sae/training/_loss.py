"""The loss: squared error plus an L1 penalty, in the units people report it in.

For one input, with e its reconstruction's error and f its features, every loss is ``error * sum(e^2) + l1 * sum(f)``,
averaged over the batch; the reductions differ only in the two weights:

- ``code``: mean over d_in of e^2, plus lambda times the mean over d_sae of f (the seed study's program);
- ``paper``: the same error, plus lambda times the sum over features (its text, and Bricken et al. 2023);
- ``sse``: sum over d_in of e^2, plus lambda times the sum over features; lambda then does not depend on either size.

So ``code`` at lambda is ``paper`` at lambda / d_sae, and ``sse`` at lambda is d_in times ``paper`` at lambda / d_in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from sae._errors import SAEError

Reduction = Literal["code", "paper", "sse"]
REDUCTIONS: tuple[str, ...] = ("code", "paper", "sse")


@dataclass(frozen=True)
class LossWeights:
    """What one input's squared error and feature sum count in the loss."""

    error: float
    """Weight of sum over d_in of squared error."""
    l1: float
    """Weight of the sum over features."""


def loss_weights(reduction: Reduction, l1_coefficient: float, *, d_in: int, d_sae: int) -> LossWeights:
    """Turn a reduction and its coefficient into weights.

    Args:
        reduction: One of ``REDUCTIONS``.
        l1_coefficient: Lambda, in the units of the reduction.
        d_in: Length of an input.
        d_sae: Number of features.

    Returns:
        The weights of one input's sums.

    Raises:
        SAEError: An unknown reduction.
    """
    if reduction == "code":
        return LossWeights(1 / d_in, l1_coefficient / d_sae)
    if reduction == "paper":
        return LossWeights(1 / d_in, l1_coefficient)
    if reduction == "sse":
        return LossWeights(1.0, l1_coefficient)
    raise SAEError(f"l1_reduction must be one of {', '.join(REDUCTIONS)}, found {reduction!r}")


def row_losses(x: Tensor, reconstruction: Tensor, features: Tensor, weights: LossWeights) -> Tensor:
    """Give every input's own loss.

    Args:
        x: [n, d_in].
        reconstruction: [n, d_in].
        features: [n, d_sae], not negative.
        weights: Of error and features.

    Returns:
        [n]
    """
    return weights.error * (reconstruction - x).square().sum(dim=-1) + weights.l1 * features.sum(dim=-1)


def sparsity_loss(
    x: Tensor, reconstruction: Tensor, features: Tensor, *, l1_coefficient: float, reduction: Reduction
) -> Tensor:
    """Compute squared error plus L1 penalty, averaged over a batch.

    Args:
        x: [n, d_in].
        reconstruction: [n, d_in].
        features: [n, d_sae], not negative.
        l1_coefficient: Lambda, in the units of the reduction.
        reduction: ``code`` (mean over d_in + lambda * mean over d_sae), ``paper`` (mean over d_in + lambda * sum over
            d_sae), or ``sse`` (sum over d_in + lambda * sum over d_sae).

    Returns:
        A scalar; gradients flow.

    Raises:
        SAEError: An unknown reduction.
    """
    weights = loss_weights(reduction, l1_coefficient, d_in=x.shape[-1], d_sae=features.shape[-1])
    return row_losses(x, reconstruction, features, weights).mean()
