"""When each feature fired last."""

from __future__ import annotations

import torch
from torch import Tensor


class FiringRecord:
    """Knows which features are dead, meaning without a firing in a window of steps."""

    def __init__(self, d_sae: int, *, window: int, device: torch.device) -> None:
        """Start before step 1, with nothing known.

        Args:
            d_sae: Number of features.
            window: Steps without a firing that make a feature dead.
            device: Where the counts come from.
        """
        self._window = window
        self._fired = torch.zeros(d_sae, dtype=torch.int64, device=device)  # the step of the last firing
        self._born = torch.zeros(d_sae, dtype=torch.int64, device=device)  # the step of the last resampling

    def record(self, step: int, counts: Tensor) -> None:
        """Note which features fired in a step.

        Args:
            step: From 1 on.
            counts: [d_sae]: firings in this step.
        """
        self._fired[counts > 0] = step

    def mark_resampled(self, step: int, features: Tensor) -> None:
        """Give features that were resampled after a step a whole new window."""
        self._born[features] = step

    def dead(self, step: int) -> Tensor:
        """List the features without a firing in the last window, ascending, int64 [n]."""
        return (step - self._fired >= self._window).nonzero().squeeze(1)

    def to_resample(self, step: int) -> Tensor:
        """List the dead features that were not resampled within the last window either, ascending, int64 [n]."""
        return (step - torch.maximum(self._fired, self._born) >= self._window).nonzero().squeeze(1)
