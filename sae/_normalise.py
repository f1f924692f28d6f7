"""What some encoders do to each input before they read it, and how a reconstruction is brought back.

SAELens's ``layer_norm`` (also OpenAI's) and ``constant_norm_rescale``; both depend on the one input alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.linalg import vector_norm

_EPSILON = 1e-5  # added to the standard deviation on the way in, but not on the way out: so it was trained


@dataclass(frozen=True)
class Normalised:
    """Inputs as an encoder reads them."""

    x: Tensor
    """[..., d_in]"""
    shift: Tensor | None
    """[..., 1]: what was subtracted."""
    scale: Tensor
    """[..., 1]: what it was divided by."""

    def undo(self, reconstruction: Tensor) -> Tensor:
        """Bring a reconstruction [..., d_in] of ``x`` back to where the input came from."""
        scaled = reconstruction * self.scale
        return scaled if self.shift is None else scaled + self.shift


def normalise(x: Tensor, how: str) -> Normalised:
    """Normalise each input on its own.

    Args:
        x: [..., d_in].
        how: ``layer_norm``: mean 0 and standard deviation 1 (the unbiased one);
            ``constant_norm_rescale``: norm sqrt(d_in), where it is not 0.

    Returns:
        The inputs, and what it takes to go back.
    """
    if how == "layer_norm":
        mean = x.mean(dim=-1, keepdim=True)
        deviation = x.std(dim=-1, keepdim=True)
        return Normalised((x - mean) / (deviation + _EPSILON), shift=mean, scale=deviation)
    scale = vector_norm(x, dim=-1, keepdim=True) / x.shape[-1] ** 0.5
    scale = scale.where(scale > 0, 1.0)
    return Normalised(x / scale, shift=None, scale=scale)
