"""The ReLU SAE whose decoder is its encoder."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from sae._config import SAEConfig
from sae._model import SAE
from sae.architectures._standard import Standard


class Tied(Standard):
    """A standard SAE with ``W_dec = W_enc.T`` (Cunningham et al. 2023, arXiv:2309.08600)."""

    @classmethod
    def shapes(cls, cfg: SAEConfig) -> dict[str, tuple[int, ...]]:
        """Name the tensors: the standard SAE's without W_dec."""
        shapes = super().shapes(cfg)
        del shapes["W_dec"]
        return shapes

    @property
    def W_dec(self) -> Tensor:  # type: ignore[override]  # noqa: N802
        """[d_sae, d_in]: a view of the encoder, a row a feature."""
        return self.W_enc.T

    def plain(self) -> SAE:
        """Give the same function as a standard SAE, with ``metadata.extra["tied"]``."""
        metadata = dataclasses.replace(self.cfg.metadata, extra={**self.cfg.metadata.extra, "tied": True})
        cfg = dataclasses.replace(self.cfg, architecture="standard", metadata=metadata)
        return Standard(cfg, **self.tensors(), W_dec=self.W_dec.clone(memory_format=torch.contiguous_format))
