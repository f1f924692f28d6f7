"""What predictions speak of, measured on an SAE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sae import SAE
from sae.metrics import Quality
from sae.stack import StackedSAE

ALIVE = 0.07
"""The study's threshold: a feature whose activations never exceed it is dead."""
MANY = 25
"""The study kept this many activations of a token, the largest ones above its threshold."""
N_MEDIAN = 4000
"""Vectors whose activations the median is taken over."""


@dataclass(frozen=True, eq=False)
class Facts:
    """An SAE on held-out vectors of a mean norm of sqrt(d_in)."""

    quality: Quality
    l1: float
    """Sum of an input's features, mean over inputs."""
    many: float
    """Share of inputs on which at least 25 features exceed the study's threshold."""
    median_activation: float
    """Over the activations above 0 of the first 4,000 inputs."""
    n_active: NDArray[np.int64]
    """[d_sae]: inputs on which each feature fires."""
    strongest: NDArray[np.float64]
    """[d_sae]: its largest one."""

    @property
    def density(self) -> NDArray[np.float64]:
        """[d_sae]: share of inputs on which each feature fires."""
        return self.n_active / self.quality.n

    @property
    def dead(self) -> float:
        """Share of features that never fire."""
        return float((self.n_active == 0).mean())

    @property
    def below_threshold(self) -> float:
        """Share of features that never exceed the study's threshold."""
        return float((self.strongest <= ALIVE).mean())

    @property
    def point(self) -> Mapping[str, float]:
        """The numbers that are compared at equal L0."""
        quality, alive = self.quality, self.density[self.n_active > 0]
        return {
            "l0": quality.l0,
            "fvu": quality.fvu,
            "l1": self.l1,
            "cosine": quality.cosine,
            "l2_ratio": quality.l2_ratio,
            "median_activation": self.median_activation,
            "n_dense": float((alive > 0.1).sum()),
            "rare": float((alive < 1e-4).mean()),
            "dead": self.dead,
        }


@torch.no_grad()
def measure(model: SAE | StackedSAE, vectors: Tensor) -> Facts:
    """Measure an SAE, or several in a row.

    Args:
        model: For vectors scaled like these.
        vectors: [n, d_in].
    """
    quality, l1, many, median = None, 0.0, 0, 0.0
    n_active, strongest = (torch.zeros(len(model.encode(vectors[:1])[0])) for _ in range(2))
    for x in vectors.split(N_MEDIAN):
        features = model.encode(x)  # [n, d_sae]
        fires = features > 0
        measured = Quality.of(x, model.decode(features), features)
        median = median if quality else float(features[fires].median())
        quality = measured if quality is None else quality + measured
        l1 += float(features.sum())
        many += int(((features > ALIVE).sum(dim=1) >= MANY).sum())
        n_active += fires.sum(dim=0)
        strongest = torch.maximum(strongest, features.amax(dim=0))
    assert quality is not None
    n = len(vectors)
    return Facts(quality, l1 / n, many / n, median, n_active.long().numpy(), strongest.double().numpy())


@torch.no_grad()
def study_table(model: SAE, vectors: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count and add up the activations that the study's table holds: a token's 25 largest, of these above 0.07.

    Args:
        model: For vectors scaled like these.
        vectors: [n, d_in].

    Returns:
        By feature, how many and their sum, two of [d_sae].
    """
    count, total = torch.zeros(2, model.cfg.d_sae, dtype=torch.float64)
    for x in vectors.split(N_MEDIAN):
        values, features = model.encode(x).topk(MANY, dim=1)  # [n, 25]
        kept = values > ALIVE
        count += torch.bincount(features[kept], minlength=len(count))
        total += torch.bincount(features[kept], weights=values[kept].double(), minlength=len(total))
    return count.numpy(), total.numpy()
