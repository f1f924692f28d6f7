"""The architectures: what the encoder of an SAE does with its one dense product."""

from __future__ import annotations

from sae.architectures._batchtopk import BatchTopK
from sae.architectures._gated import Gated
from sae.architectures._jumprelu import JumpReLU
from sae.architectures._matryoshka import Matryoshka
from sae.architectures._registry import REGISTRY, build, class_of
from sae.architectures._standard import Standard
from sae.architectures._tied import Tied
from sae.architectures._topk import TopK, largest

__all__ = [
    "REGISTRY",
    "BatchTopK",
    "Gated",
    "JumpReLU",
    "Matryoshka",
    "Standard",
    "Tied",
    "TopK",
    "build",
    "class_of",
    "largest",
]
