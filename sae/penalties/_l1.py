"""The sum of activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sae.penalties._penalty import Penalty


@dataclass(frozen=True)
class L1(Penalty):
    """phi(f) = f, slope 1: every active feature shrinks by the same amount (Bricken et al. 2023).

    For one unit direction, ``(g - f)^2 + c * f`` is least at ``f = max(0, g - c / 2)``.
    """

    kind: ClassVar[str] = "l1"

    def value(self, f: Tensor) -> Tensor:
        """Give f itself."""
        return f

    def slope(self, f: Tensor) -> Tensor:
        """Give 1 for every activation, however small."""
        return torch.ones_like(f)
