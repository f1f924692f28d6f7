"""An SAE's reconstruction of many activations, with only one block of dense features in memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

import sae

BLOCK_ELEMENTS = 2**23
"""Dense features held at once: 32 MiB in float32."""


@dataclass(frozen=True)
class Reconstruction:
    """What an SAE makes of n activations."""

    output: Tensor
    """[n, d_in]."""
    l0: Tensor
    """Features that fire for each, int64 [n]."""
    fired: Tensor
    """Which features fire at all, bool [d_sae]."""


@torch.no_grad()
def reconstruct(model: sae.SAE, x: Tensor) -> Reconstruction:
    """Reconstruct activations, block by block.

    Args:
        model: The SAE.
        x: [n, d_in].
    """
    output, l0 = torch.empty_like(x), torch.zeros(len(x), dtype=torch.int64, device=x.device)
    fired = torch.zeros(model.cfg.d_sae, dtype=torch.bool, device=x.device)
    size = max(1, BLOCK_ELEMENTS // model.cfg.d_sae)
    for start in range(0, len(x), size):
        rows = x[start : start + size]
        features = model.encode(rows)  # [rows, d_sae]
        output[start : start + size] = model.decode(features, x=rows)
        l0[start : start + size] = (features > 0).sum(dim=-1)
        fired |= (features > 0).any(dim=0)
    return Reconstruction(output, l0, fired)
