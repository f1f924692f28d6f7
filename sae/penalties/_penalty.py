"""What every penalty on feature activations can do."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar

from torch import Tensor

from sae._errors import SAEError


@dataclass(frozen=True)
class Penalty(ABC):
    """A function phi of one activation f > 0; the loss adds ``coefficient * sum over features of phi(f)`` an input.

    phi(0) is 0, phi rises, and its slope is finite everywhere. At f = 0 ``slope`` gives the limit from above: a feature
    that does not fire has no gradient, so callers pass only active features, or mask the others.
    """

    kind: ClassVar[str]
    """The word that ``parse_penalty`` knows it by."""

    @property
    def name(self) -> str:
        """What ``parse_penalty`` makes this penalty from, such as ``power:0.5``."""
        numbers = [getattr(self, field.name) for field in fields(self) if getattr(self, field.name) != field.default]
        return ":".join([self.kind, *(repr(number) for number in numbers)])

    @abstractmethod
    def value(self, f: Tensor) -> Tensor:
        """Compute phi of each activation.

        Args:
            f: Any shape, not negative.

        Returns:
            The same shape; gradients flow.
        """

    @abstractmethod
    def slope(self, f: Tensor) -> Tensor:
        """Compute phi's derivative at each activation, which is what autograd gives for ``value``.

        Args:
            f: Any shape, not negative.

        Returns:
            The same shape, finite, not negative.
        """

    def reported(self, f: Tensor) -> Tensor:
        """Give what a loss prints for each activation: phi, unless the penalty stands in for something else.

        Args:
            f: Any shape, not negative.

        Returns:
            The same shape; its gradient is ``slope``.
        """
        return self.value(f)


def check_positive(kind: str, **numbers: float) -> None:
    """Refuse parameters that are not finite numbers above zero.

    Args:
        kind: The penalty they belong to.
        numbers: By name.

    Raises:
        SAEError: One is zero, negative, infinite or NaN.
    """
    for name, number in numbers.items():
        if not (math.isfinite(number) and number > 0):
            raise SAEError(f"{name} of penalty {kind} must be a finite number above 0, found {number}")
