"""The BatchTopK SAE."""

from __future__ import annotations

import dataclasses

from torch import Tensor, nn

from sae._config import SAEConfig
from sae._model import EVERY, SAE
from sae.architectures._jumprelu import JumpReLU


class BatchTopK(SAE):
    """``f = relu(pre) * (pre > threshold)`` with one threshold for all (Bussmann et al. 2024, arXiv:2412.06410).

    In training the k * n largest of a batch of n were kept; the threshold stands for the smallest of them, so that an
    input's features do not depend on its neighbours.
    """

    threshold: nn.Parameter

    @classmethod
    def shapes(cls, cfg: SAEConfig) -> dict[str, tuple[int, ...]]:
        """Name the tensors: the standard SAE's and a threshold []."""
        return {**super().shapes(cfg), "threshold": ()}

    def plain(self) -> SAE:
        """Give the same function as a JumpReLU SAE, with ``trained_as``, ``k`` and ``widths`` in the metadata."""
        cfg = self.cfg
        known = {"trained_as": cfg.architecture, "k": cfg.k, "widths": list(cfg.widths) if cfg.widths else None}
        extra = {**cfg.metadata.extra, **{key: value for key, value in known.items() if value is not None}}
        plain = dataclasses.replace(
            cfg,
            architecture="jumprelu",
            k=None,
            widths=None,
            metadata=dataclasses.replace(cfg.metadata, extra=extra),
        )
        return JumpReLU(plain, **{**self.tensors(), "threshold": self.threshold.expand(cfg.d_sae)})

    def _fires(self, pre: Tensor, of: Tensor | slice = EVERY) -> Tensor:  # noqa: ARG002
        return pre > self.threshold.clamp_min(0)
