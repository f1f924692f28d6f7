"""A penalty that saturates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from sae.penalties._penalty import Penalty, check_positive


@dataclass(frozen=True)
class Tanh(Penalty):
    """phi(f) = tanh(f / scale): about f / scale for weak features, 1 for strong ones, which then no longer shrink.

    The slope is ``1 / scale`` at 0 and 0 far above the scale. Anthropic (Circuits Updates, February 2024) found a
    better front of L0 and loss with it, and features that were harder to interpret, many of them dense.
    """

    kind: ClassVar[str] = "tanh"

    scale: float
    """The activation around which the penalty saturates."""

    def __post_init__(self) -> None:
        check_positive(self.kind, scale=self.scale)

    def value(self, f: Tensor) -> Tensor:
        """Compute tanh(f / scale)."""
        return (f / self.scale).tanh()

    def slope(self, f: Tensor) -> Tensor:
        """Compute (1 - tanh^2(f / scale)) / scale."""
        return (1 - (f / self.scale).tanh().square()) / self.scale
