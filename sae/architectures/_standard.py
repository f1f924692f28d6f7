"""The ReLU SAE."""

from __future__ import annotations

import torch
from torch import Tensor

from sae._model import EVERY, SAE


class Standard(SAE):
    """``f = relu(x' @ W_enc + b_enc)`` (Bricken et al. 2023, "Towards Monosemanticity")."""

    def _activate(self, pre: Tensor, of: Tensor | slice = EVERY) -> Tensor:  # noqa: ARG002
        return torch.relu(pre)
