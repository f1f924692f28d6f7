"""A square root that starts with a finite slope."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from sae.penalties._penalty import Penalty, check_positive


@dataclass(frozen=True)
class OffsetSqrt(Penalty):
    """phi(f) = sqrt(f + a) - sqrt(a): linear for f far below a, a square root far above.

    A real change of shape, unlike ``ScaledSqrt``. The slope rises to its limit ``1 / (2 sqrt(a))`` as f goes to 0.
    After Riggs Smith and Brinkmann (AF, 15 March 2024).
    """

    kind: ClassVar[str] = "offset_sqrt"

    a: float
    """The offset, in the units of the activations."""

    def __post_init__(self) -> None:
        check_positive(self.kind, a=self.a)

    def value(self, f: Tensor) -> Tensor:
        """Compute sqrt(f + a) - sqrt(a), without the cancellation at small f."""
        return f / ((f + self.a).sqrt() + math.sqrt(self.a))

    def slope(self, f: Tensor) -> Tensor:
        """Compute 1 / (2 sqrt(f + a))."""
        return 0.5 * (f + self.a).rsqrt()
