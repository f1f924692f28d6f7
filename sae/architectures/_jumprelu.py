"""The JumpReLU SAE."""

from __future__ import annotations

from torch import Tensor, nn

from sae._config import SAEConfig
from sae._model import EVERY, SAE


class JumpReLU(SAE):
    """``f = relu(pre) * (pre > threshold)`` with a threshold a feature (Rajamanoharan et al. 2024b, arXiv:2407.14435).

    The comparison is strict: a feature exactly at its threshold does not fire.
    """

    threshold: nn.Parameter

    @classmethod
    def shapes(cls, cfg: SAEConfig) -> dict[str, tuple[int, ...]]:
        """Name the tensors: the standard SAE's and a threshold [d_sae]."""
        return {**super().shapes(cfg), "threshold": (cfg.d_sae,)}

    def _fires(self, pre: Tensor, of: Tensor | slice = EVERY) -> Tensor:
        return pre > self.threshold[of].clamp_min(0)
