"""The square root of scaled activations, which is the square root with another coefficient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from sae.penalties._penalty import Penalty, check_positive
from sae.penalties._power import Power

_ROOT = Power(0.5)


@dataclass(frozen=True)
class ScaledSqrt(Penalty):
    """phi(f) = sqrt(a f), proposed as a sweep over a by Riggs Smith and Brinkmann (AF, 15 March 2024).

    Since sqrt(a f) = sqrt(a) sqrt(f), coefficient c here is coefficient ``c * sqrt(a)`` with ``Power(0.5)``: a changes
    no shape. ``Power``'s p and ``OffsetSqrt``'s a do. Below 1e-4 the slope stays at ``100 * sqrt(a)``, as ``Power``'s.
    """

    kind: ClassVar[str] = "scaled_sqrt"

    a: float
    """The factor under the root."""

    def __post_init__(self) -> None:
        check_positive(self.kind, a=self.a)

    def value(self, f: Tensor) -> Tensor:
        """Compute sqrt(a f)."""
        return _ROOT.value(f) * math.sqrt(self.a)

    def slope(self, f: Tensor) -> Tensor:
        """Compute sqrt(a / f) / 2."""
        return _ROOT.slope(f) * math.sqrt(self.a)
