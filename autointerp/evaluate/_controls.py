"""Errors that are as large as an SAE's and say nothing: what an effect is to be compared with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import vector_norm

import sae
from autointerp.evaluate._reconstruct import reconstruct
from autointerp.evaluate._splice import Replace


def random_error(model: sae.SAE, generator: torch.Generator) -> Replace:
    """In place of x: x plus a random direction, as long as the SAE's error on that x.

    After Gurnee, "SAE reconstruction errors are (empirically) pathological" (2024).

    Args:
        model: The SAE.
        generator: Of the directions; on the CPU, whatever the model's device.
    """

    def replace(x: Tensor) -> Tensor:
        error = reconstruct(model, x).output - x  # [n, d]
        direction = torch.randn(x.shape, generator=generator).to(x)
        length = vector_norm(error, dim=-1) / vector_norm(direction, dim=-1)  # [n]
        changed: Tensor = x + direction * length[:, None]
        return changed

    return replace
