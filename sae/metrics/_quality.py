"""The same metrics over more inputs than memory holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from sae._errors import SAEError
from sae._model import SAE
from sae.metrics._batch import row_cosine, row_l2_ratio


@dataclass(frozen=True)
class Quality:
    """Sums over inputs, in float64; ``a + b`` is the quality over the inputs of both."""

    n: int
    """Inputs."""
    n_nonzero: int
    """Inputs that are not the zero vector; cosine and L2 ratio are means over these."""
    n_active: int
    """Pairs of input and firing feature."""
    squared_error: float
    """Sum over inputs and dimensions."""
    squared_norm: float
    """Sum of |x|^2."""
    total: Tensor
    """float64 [d_in]: sum of x."""
    cosines: float
    """Sum of cosines."""
    l2_ratios: float
    """Sum of |reconstruction| / |x|."""

    @classmethod
    def of(cls, x: Tensor, reconstruction: Tensor, features: Tensor) -> Quality:
        """Measure one batch.

        Args:
            x: [n, d_in].
            reconstruction: [n, d_in].
            features: [n, d_sae].

        Returns:
            Its sums.
        """
        x = x.double()
        cosines = row_cosine(x, reconstruction)
        return cls(
            n=len(x),
            n_nonzero=int((~cosines.isnan()).sum()),
            n_active=int((features > 0).sum()),
            squared_error=float((reconstruction.double() - x).square().sum()),
            squared_norm=float(x.square().sum()),
            total=x.sum(dim=0).cpu(),
            cosines=float(cosines.nansum()),
            l2_ratios=float(row_l2_ratio(x, reconstruction).nansum()),
        )

    def __add__(self, other: Quality) -> Quality:
        return Quality(
            n=self.n + other.n,
            n_nonzero=self.n_nonzero + other.n_nonzero,
            n_active=self.n_active + other.n_active,
            squared_error=self.squared_error + other.squared_error,
            squared_norm=self.squared_norm + other.squared_norm,
            total=self.total + other.total,
            cosines=self.cosines + other.cosines,
            l2_ratios=self.l2_ratios + other.l2_ratios,
        )

    @property
    def l0(self) -> float:
        """Mean number of features that fire for an input."""
        return self.n_active / self.n

    @property
    def mse(self) -> float:
        """Mean squared error over inputs and dimensions."""
        return self.squared_error / (self.n * len(self.total))

    @property
    def fvu(self) -> float:
        """Fraction of variance unexplained, against the mean of all inputs."""
        variance = self.squared_norm - float(self.total.square().sum()) / self.n
        return self.squared_error / variance if variance > 0 else float("nan")

    @property
    def explained(self) -> float:
        """Fraction of variance explained, ``1 - fvu``."""
        return 1.0 - self.fvu

    @property
    def cosine(self) -> float:
        """Mean cosine of input and reconstruction."""
        return self.cosines / self.n_nonzero if self.n_nonzero else float("nan")

    @property
    def l2_ratio(self) -> float:
        """Mean |reconstruction| / |x|."""
        return self.l2_ratios / self.n_nonzero if self.n_nonzero else float("nan")


@torch.no_grad()
def evaluate(model: SAE, batches: Iterable[Tensor]) -> Quality:
    """Measure an SAE over a stream of inputs.

    Args:
        model: The SAE.
        batches: Tensors [n, d_in], none of them empty.

    Returns:
        The quality over all of them.

    Raises:
        SAEError: There was no batch.
    """
    quality: Quality | None = None
    for batch in batches:
        x = batch.to(model.W_enc.device)
        features = model.encode(x)
        measured = Quality.of(x, model.decode(features, x=x), features)
        quality = measured if quality is None else quality + measured
    if quality is None:
        raise SAEError("there was no batch to measure the SAE on")
    return quality
