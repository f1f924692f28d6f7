"""SAEs and activations small enough to check by hand."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

import sae


@pytest.fixture(scope="session")
def make_sae() -> Callable[..., sae.SAE]:
    """Make a random SAE; keywords go to its config. About half of the features fire, thresholds lie above 0."""

    def make(
        d_in: int = 6, d_sae: int = 15, seed: int = 0, architecture: str = "standard", **config: object
    ) -> sae.SAE:
        random = torch.Generator().manual_seed(seed)
        if architecture in {"topk", "batchtopk", "matryoshka"}:
            config.setdefault("k", 4)
        if architecture == "matryoshka":
            config.setdefault("widths", (3, 8, d_sae))
        cfg = sae.SAEConfig(architecture=architecture, d_in=d_in, d_sae=d_sae, **config)
        shapes = sae.architectures.REGISTRY[architecture].shapes(cfg)
        tensors = {name: torch.randn(shape, generator=random) for name, shape in shapes.items()}
        if "threshold" in tensors:
            tensors["threshold"] = 0.2 + torch.rand(shapes["threshold"], generator=random)
        return sae.build(cfg, tensors)

    return make


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small products are faster on one thread than waiting for another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def dictionary_data() -> Callable[..., tuple[Tensor, Tensor]]:
    """Make sparse sums of unit directions: (directions [n_true, d_in], x [n, d_in])."""

    def make(n: int, d_in: int = 16, n_true: int = 24, seed: int = 0) -> tuple[Tensor, Tensor]:
        random = torch.Generator().manual_seed(seed)
        directions = torch.nn.functional.normalize(torch.randn(n_true, d_in, generator=random), dim=1)
        active = torch.rand(n, n_true, generator=random) < 2 / n_true
        strength = 1 + torch.rand(n, n_true, generator=random)
        return directions, (active * strength) @ directions + 0.2

    return make


@pytest.fixture(scope="session")
def triton_device() -> torch.device:
    """Where Triton's kernels run: a GPU, or with TRITON_INTERPRET=1 the CPU."""
    if importlib.util.find_spec("triton") is None:
        pytest.skip("triton is not installed")
    if os.environ.get("TRITON_INTERPRET") == "1":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        pytest.skip("no GPU; with TRITON_INTERPRET=1 Triton's kernels run without")
    return torch.device("cuda")
