"""A penalty that counts orders of magnitude."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from sae.penalties._penalty import Penalty, check_positive


@dataclass(frozen=True)
class Log(Penalty):
    """phi(f) = ln(1 + f / a), the log-sum penalty of Candes, Wakin and Boyd (2008).

    The slope ``1 / (f + a)`` is ``1 / a`` at 0 and falls faster than a square root's, but never to nothing.
    """

    kind: ClassVar[str] = "log"

    a: float
    """The activation at which the slope has fallen to half."""

    def __post_init__(self) -> None:
        check_positive(self.kind, a=self.a)

    def value(self, f: Tensor) -> Tensor:
        """Compute ln(1 + f / a)."""
        return (f / self.a).log1p()

    def slope(self, f: Tensor) -> Tensor:
        """Compute 1 / (f + a)."""
        return (f + self.a).reciprocal()
