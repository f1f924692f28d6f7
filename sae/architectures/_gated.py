"""The gated SAE."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sae._config import SAEConfig
from sae._model import EVERY, SAE


class Gated(SAE):
    """``f = 1[x' @ W_enc + b_gate > 0] * relu(x' @ (W_enc * exp(r_mag)) + b_mag)`` (Rajamanoharan et al. 2024a).

    Both paths share one product: ``x' @ (W_enc * exp(r_mag)) = (x' @ W_enc) * exp(r_mag)``. (arXiv:2404.16014)
    """

    b_gate: nn.Parameter
    r_mag: nn.Parameter
    b_mag: nn.Parameter

    @classmethod
    def shapes(cls, cfg: SAEConfig) -> dict[str, tuple[int, ...]]:
        """Name the tensors: three of [d_sae] in the place of b_enc."""
        shapes = super().shapes(cfg)
        del shapes["b_enc"]
        return {**shapes, "b_gate": (cfg.d_sae,), "r_mag": (cfg.d_sae,), "b_mag": (cfg.d_sae,)}

    def _own_bias(self) -> Tensor:
        return torch.zeros_like(self.b_gate)  # each path adds its own

    def _fires(self, pre: Tensor, of: Tensor | slice = EVERY) -> Tensor:
        return (pre > -self.b_gate[of]) & (self._value(pre, of) > 0)

    def _value(self, pre: Tensor, of: Tensor | slice = EVERY) -> Tensor:
        return pre * self.r_mag[of].exp() + self.b_mag[of]
