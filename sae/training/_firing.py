"""When each feature fired last."""

from __future__ import annotations

import torch
from torch import Tensor


class FiringRecord:
    """Knows which features are dead, meaning without a firing in a window of steps."""

    def __init__(self, d_sae: int, *, window: int | None, device: torch.device) -> None:
        """Start before step 1, with nothing known.

        Args:
            d_sae: Number of features.
            window: Steps without a firing that make a feature dead; None: only one that never fired is.
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
        return self._silent_since(self._fired, step)

    def to_resample(self, step: int) -> Tensor:
        """List the dead features that were not resampled within the last window either, ascending, int64 [n]."""
        last = self._fired if self._window is None else torch.maximum(self._fired, self._born)
        return self._silent_since(last, step)

    def state_dict(self) -> dict[str, Tensor]:
        """Give copies of what a checkpoint must keep: two int64 [d_sae]."""
        return {"fired": self._fired.clone(), "born": self._born.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from what ``state_dict`` gave, on this record's device."""
        self._fired.copy_(state["fired"])
        self._born.copy_(state["born"])

    def _silent_since(self, last: Tensor, step: int) -> Tensor:
        silent = last == 0 if self._window is None else step - last >= self._window
        return silent.nonzero().squeeze(1)
