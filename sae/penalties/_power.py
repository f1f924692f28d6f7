"""A power of each activation: square root, fourth root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sae._errors import SAEError
from sae.penalties._penalty import Penalty, check_positive


@dataclass(frozen=True)
class Power(Penalty):
    """phi(f) = f^p with 0 < p <= 1; p = 1/2 is the square root of Riggs Smith and Brinkmann (AF, 15 March 2024).

    The slope ``p * f^(p - 1)`` falls with f, so strong features shrink less than under L1 and weak ones die sooner.
    It has no limit at 0; below ``eps`` phi is therefore the straight line from the origin, of slope ``eps^(p - 1)``
    (100 for the square root, 1000 for the fourth root at the default). From ``eps`` on phi is exactly f^p.
    """

    kind: ClassVar[str] = "power"

    p: float
    """The exponent; 1 is L1."""
    eps: float = 1e-4
    """The activation below which phi is a line; far below what matters where inputs have a mean norm of sqrt(d_in)."""

    def __post_init__(self) -> None:
        check_positive(self.kind, p=self.p, eps=self.eps)
        if self.p > 1:
            raise SAEError(f"p of penalty power must be at most 1, found {self.p}: above 1 nothing becomes sparse")

    def value(self, f: Tensor) -> Tensor:
        """Compute f^p, or below eps its chord."""
        return torch.where(f < self.eps, f * self.eps ** (self.p - 1), f.clamp(min=self.eps) ** self.p)

    def slope(self, f: Tensor) -> Tensor:
        """Compute p f^(p - 1), or below eps the chord's slope eps^(p - 1)."""
        above = f.clamp(min=self.eps) ** (self.p - 1) * self.p
        return torch.where(f < self.eps, self.eps ** (self.p - 1), above)
