"""A smooth count of active features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from sae.penalties._penalty import Penalty, check_positive


@dataclass(frozen=True)
class L0Approx(Penalty):
    """phi(f) = f / (f + eps), which counts features as eps goes to 0 (Farrell, LessWrong, 15 April 2024).

    The slope ``eps / (f + eps)^2`` is ``1 / eps`` at 0 and about ``eps / f^2`` far above eps, so strong features hardly
    shrink. Alone it lets half of the features die; Farrell adds ``FrequencyPenalty``. His eps is 0.2.
    """

    kind: ClassVar[str] = "l0"

    eps: float
    """The activation that counts half."""

    def __post_init__(self) -> None:
        check_positive(self.kind, eps=self.eps)

    def value(self, f: Tensor) -> Tensor:
        """Compute f / (f + eps)."""
        return f / (f + self.eps)

    def slope(self, f: Tensor) -> Tensor:
        """Compute eps / (f + eps)^2."""
        return (self.eps / (f + self.eps)).square() / self.eps

    def reported(self, f: Tensor) -> Tensor:
        """Count: 1 for an active feature, else 0, with the gradient of the approximation (Farrell's value swap).

        Args:
            f: Any shape, not negative.

        Returns:
            The same shape; its sum is the true L0, its gradient ``slope``.
        """
        value = self.value(f)
        return (f > 0).to(f.dtype) + (value - value.detach())
