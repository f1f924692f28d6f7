"""What a training reports while it runs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sae.metrics import row_cosine, row_l2_ratio

ROWS = 512
"""Inputs that are measured at once: measuring should not need more memory than training."""
DENSE = 0.1
"""Share of inputs on which a feature fires that makes it a dense one."""


@dataclass(frozen=True)
class TrainStep:
    """One entry of the training history; what is measured is the batch's, in the units of the scaled targets."""

    step: int
    """From 1 to ``n_steps``."""
    n_steps: int
    """Steps in all."""
    n_tokens: int
    """Vectors seen so far."""
    loss: float
    """Squared error plus penalty, in the units of ``l1_reduction``, and whatever else was minimised."""
    mse: float
    """Mean over inputs and dimensions."""
    fvu: float
    """Fraction of the batch's variance unexplained."""
    l0: float
    """Features that fire for an input, on average."""
    n_dead: int
    """Features without a firing in the last window."""
    n_resampled: int
    """Features resampled so far."""
    lr: float
    """Learning rate of the step."""
    l1_coefficient: float
    """Coefficient of the penalty in the step."""
    cosine: float
    """Mean cosine of target and reconstruction."""
    l2_ratio: float
    """Mean norm of the reconstruction over that of the target; below 1 the SAE shrinks."""
    density_q10: float
    """Share of inputs on which a feature fires, over the steps since the last entry: its 10 % quantile among the
    features that fired at all."""
    density_median: float
    """The 50 % quantile."""
    density_q90: float
    """The 90 % quantile."""
    n_dense: int
    """Features that fired on more than 10 % of the inputs."""


@dataclass(frozen=True)
class BatchQuality:
    """How well one batch was reconstructed."""

    mse: float
    """Mean over inputs and dimensions."""
    fvu: float
    """Fraction of variance unexplained; nan where the batch has none."""
    cosine: float
    """Mean over inputs that are not zero."""
    l2_ratio: float
    """Mean over inputs that are not zero."""

    @classmethod
    def of(cls, x: Tensor, error: Tensor, squared_error: float) -> BatchQuality:
        """Measure.

        Args:
            x: [n, d_in].
            error: [n, d_in]: reconstruction minus input.
            squared_error: Sum over inputs and dimensions.
        """
        mean, variance = x.mean(dim=0), x.new_zeros(())
        cosines, ratios = [], []
        for rows, wrong in zip(torch.split(x, ROWS), torch.split(error, ROWS), strict=True):
            variance += (rows - mean).square().sum()
            cosines.append(row_cosine(rows, rows + wrong))
            ratios.append(row_l2_ratio(rows, rows + wrong))
        return cls(
            mse=squared_error / x.numel(),
            fvu=squared_error / float(variance) if variance > 0 else float("nan"),
            cosine=float(torch.cat(cosines).nanmean()),
            l2_ratio=float(torch.cat(ratios).nanmean()),
        )


@dataclass(frozen=True)
class DensitySummary:
    """How often features fire."""

    density_q10: float
    """Quantile among the features that fired."""
    density_median: float
    """Quantile among the features that fired."""
    density_q90: float
    """Quantile among the features that fired."""
    n_dense: int
    """Features above 10 %."""

    @classmethod
    def of(cls, counts: Tensor, n: int) -> DensitySummary:
        """Sum up.

        Args:
            counts: [d_sae]: inputs on which each feature fired.
            n: Inputs.
        """
        density = counts.double() / n
        fired = density[density > 0].sort().values
        if not len(fired):
            return cls(0.0, 0.0, 0.0, 0)
        q10, median, q90 = (float(fired[round(q * (len(fired) - 1))]) for q in (0.1, 0.5, 0.9))
        return cls(q10, median, q90, int((density > DENSE).sum()))
