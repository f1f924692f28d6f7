"""The loss: squared error plus a penalty, in the units people report it in.

For one input, with e its reconstruction's error and f its features, every loss is ``error * sum(e^2) + l1 * sum(f)``,
averaged over the batch; another penalty takes phi(f) for f, and with free decoder norms f is the feature times its
row's norm. The reductions differ only in the two weights:

- ``code``: mean over d_in of e^2, plus lambda times the mean over d_sae of f (the seed study's program);
- ``paper``: the same error, plus lambda times the sum over features (its text, and Bricken et al. 2023);
- ``sse``: sum over d_in of e^2, plus lambda times the sum over features; lambda then does not depend on either size.

So ``code`` at lambda is ``paper`` at lambda / d_sae, and ``sse`` at lambda is d_in times ``paper`` at lambda / d_in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.linalg import vector_norm

from sae._errors import SAEError
from sae.penalties import Penalty

Reduction = Literal["code", "paper", "sse"]
REDUCTIONS: tuple[str, ...] = ("code", "paper", "sse")


@dataclass(frozen=True)
class LossWeights:
    """What one input's squared error and penalty count in the loss."""

    error: float
    """Weight of sum over d_in of squared error."""
    l1: float
    """Weight of the sum over features."""
    penalty: Penalty | None = None
    """What is summed over features, f being above 0; None for f itself (L1)."""
    times_norm: bool = False
    """The penalty is of f times the norm of its decoder row, so that it does not depend on how the two share a size."""

    def norms(self, decoder: Tensor) -> Tensor | None:
        """Give the norms [d_sae] of the rows that features are multiplied with for the penalty; None where they aren't.

        Args:
            decoder: [d_sae, d_in]; gradients flow.
        """
        return vector_norm(decoder, dim=1) if self.times_norm else None

    def penalised(self, f: Tensor, decoder: Tensor) -> Tensor:
        """Give what the penalty is of, for features [n, d_sae]: the same shape."""
        norms = self.norms(decoder)
        return f if norms is None else f * norms

    def slope(self, f: Tensor) -> Tensor | float:
        """Give the derivative of one input's penalty by its features f > 0: ``l1 * phi'(f)``, of any shape."""
        return self.l1 if self.penalty is None else self.l1 * self.penalty.slope(f)

    def reported(self, f: Tensor) -> Tensor:
        """Give what is printed as the penalty of features of any shape, before its weight."""
        return f if self.penalty is None else self.penalty.reported(f)


def loss_weights(
    reduction: Reduction,
    l1_coefficient: float,
    *,
    d_in: int,
    d_sae: int,
    penalty: Penalty | None = None,
    times_norm: bool = False,
) -> LossWeights:
    """Turn a reduction and its coefficient into weights.

    Args:
        reduction: One of ``REDUCTIONS``.
        l1_coefficient: Lambda, in the units of the reduction.
        d_in: Length of an input.
        d_sae: Number of features.
        penalty: Summed over features; None for L1.
        times_norm: It is of features times the norms of their decoder rows.

    Returns:
        The weights of one input's sums.

    Raises:
        SAEError: An unknown reduction.
    """
    if reduction == "code":
        return LossWeights(1 / d_in, l1_coefficient / d_sae, penalty, times_norm)
    if reduction == "paper":
        return LossWeights(1 / d_in, l1_coefficient, penalty, times_norm)
    if reduction == "sse":
        return LossWeights(1.0, l1_coefficient, penalty, times_norm)
    raise SAEError(f"l1_reduction must be one of {', '.join(REDUCTIONS)}, found {reduction!r}")


def row_losses(x: Tensor, reconstruction: Tensor, features: Tensor, weights: LossWeights) -> Tensor:
    """Give every input's own loss.

    Args:
        x: [n, d_in]: what is to be reconstructed.
        reconstruction: [n, d_in].
        features: [n, d_sae], not negative: what the penalty is of, see ``LossWeights.penalised``.
        weights: Of error and penalty.

    Returns:
        [n]
    """
    penalty = weights.reported(features).sum(dim=-1)
    return weights.error * (reconstruction - x).square().sum(dim=-1) + weights.l1 * penalty


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
