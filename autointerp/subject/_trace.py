"""What one forward pass was seen to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

Patch = Callable[[Tensor], Tensor]
"""Given the activation at a hook point, [b, t, d], returns what takes its place."""


@dataclass(frozen=True)
class Trace:
    """Activations and logits of one forward pass over b windows of t tokens."""

    activations: Mapping[str, Tensor]
    """By hook point, [b, t, d] each; where the activation was patched, what arrived there before."""
    logits: Tensor | None
    """[b, t, v]; None for an encoder."""
