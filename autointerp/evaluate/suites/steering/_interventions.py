"""What is done to activations: a direction added, or a feature taken away."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import vector_norm

import sae
from autointerp.evaluate._splice import Replace


def add_direction(direction: Tensor, length: float) -> Replace:
    """In place of x: x plus a direction.

    Args:
        direction: Of any length but zero, [d].
        length: How much of it to add, in the units of x; 0 leaves x as it is.
    """
    step: Tensor = length * direction / vector_norm(direction)

    def replace(x: Tensor) -> Tensor:
        return x + step.to(x)

    return replace


def remove_feature(model: sae.SAE, feature: int) -> Replace:
    """In place of x: x without what the feature adds to the reconstruction; the SAE's error stays.

    Args:
        model: The SAE.
        feature: Its number.
    """
    only = torch.tensor([feature])

    def replace(x: Tensor) -> Tensor:
        value = model.encode_features(x, only).squeeze(1)  # [n]
        firing = value > 0
        rows = x[firing]
        features = value.new_zeros(len(rows), model.cfg.d_sae)
        without = model.decode(features, x=rows)
        features[:, feature] = value[firing]
        changed = x.clone()
        changed[firing] -= (model.decode(features, x=rows) - without).to(x.dtype)
        return changed

    return replace
