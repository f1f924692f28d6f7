"""Real packages of others, beside ours; CI makes an environment that has them."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture
def x() -> torch.Tensor:
    """Activations [64, 16] with a few directions stronger than the rest, and a mean that is not 0."""
    random = torch.Generator().manual_seed(0)
    directions = torch.randn(32, 16, generator=random)
    active = (torch.rand(64, 32, generator=random) < 0.1) * torch.rand(64, 32, generator=random)
    return active @ directions + 0.3
