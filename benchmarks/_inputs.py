"""Activations that benchmarks train and evaluate SAEs on: of the bundled model, or of any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from autointerp.corpus import build_windows, open_corpus
from autointerp.subject import load_subject
from autointerp.train import cache_activations

CONTEXT_LENGTH = 128
HELD_OUT = 50_000
"""Vectors that SAEs are measured on."""


@dataclass(frozen=True)
class Site:
    """Where activations come from."""

    model: str = "bundled"
    hook_point: str = "blocks.1.hook_resid_post"
    corpus: str = "python"


@dataclass(frozen=True, eq=False)
class Inputs:
    """Activations of two sets of documents without near-duplicates of each other."""

    training: Tensor
    """float32 [n, d_in]."""
    held_out: Tensor
    """float32 [n, d_in]."""
    position: Tensor
    """int64 [n_held_out]: position of each held-out vector in its window, BOS not counted."""
    scale: float
    """What both were multiplied with, so that the mean norm of the training vectors is sqrt(d_in)."""

    @property
    def d_in(self) -> int:
        """Length of a vector."""
        return self.training.shape[1]

    def shuffled(self, n: int, *, seed: int = 0) -> Tensor:
        """Training vectors in a random order, again in another order when all were given: [n, d_in]."""
        generator = torch.Generator().manual_seed(seed)
        n_orders = -(-n // len(self.training))
        orders = [torch.randperm(len(self.training), generator=generator) for _ in range(n_orders)]
        return self.training[torch.cat(orders)[:n]]


def read_inputs(site: Site, n_tokens: int, folder: Path, *, every_position: bool = False) -> Inputs:
    """Run the model, unless the folder has what it gives.

    Args:
        site: Model, hook point and corpus.
        n_tokens: Tokens of the corpus; its split into two halves is that of labels and their tests.
        folder: Where windows and activations are, or are to be.
        every_position: Without BOS, and with the first token of each window; otherwise with BOS, and both positions
            left out, as ``train`` does by default.

    Returns:
        The activations, scaled.
    """
    subject = load_subject(site.model, hook_point=site.hook_point)
    windows = build_windows(
        open_corpus(site.corpus),
        subject,
        context_length=CONTEXT_LENGTH,
        prepend_bos=not every_position,
        n_tokens=n_tokens,
        out=folder / "windows",
    )
    cache = cache_activations(subject, windows, folder / "activations", drop_bos=not every_position)
    vectors = torch.from_numpy(np.array(cache.vectors))
    is_training = torch.from_numpy(np.repeat(windows.split == 0, cache.counts))
    starts = np.cumsum(cache.counts) - cache.counts
    position = np.arange(len(vectors)) - np.repeat(starts, cache.counts) + (0 if every_position else 1)
    training, held_out = vectors[is_training], vectors[~is_training][:HELD_OUT]
    scale = subject.d_model**0.5 / float(training.norm(dim=1).mean())
    return Inputs(training * scale, held_out * scale, torch.from_numpy(position)[~is_training][:HELD_OUT], scale)
