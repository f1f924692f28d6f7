"""Features that nothing has trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.nn.functional import normalize

import sae
from autointerp.corpus import Windows
from autointerp.run import Tick
from autointerp.subject import Subject
from autointerp.train import stream_activations

_SAMPLE_CELLS = 50_000_000
"""Projections held to find the thresholds: 200 MB."""


@torch.no_grad()
def random_directions(
    densities: Sequence[float],
    metadata: sae.SAEMetadata,
    *,
    subject: Subject,
    windows: Windows,
    drop_bos: bool,
    seed: int,
    progress: Tick | None = None,
) -> sae.SAE:
    """An SAE of random unit directions; each fires on as many tokens as one real feature.

    Thresholds are set on the run's own tokens: on all of them, or on a random sample of 50 million projections. The
    decoder is random too, and nothing reads it.

    Args:
        densities: Of the real features: the share of tokens each fires on.
        metadata: Where activations are read.
        subject: Gives them.
        windows: The text.
        drop_bos: Whether BOS and the first position of a window are left out, as in the run's statistics.
        seed: Of the directions.
        progress: Told activations seen of all.
    """
    generator = torch.Generator().manual_seed(seed)
    W_enc, W_dec = (normalize(torch.randn(len(densities), subject.d_model, generator=generator)) for _ in range(2))
    n_counted = windows.n_tokens - windows.n_windows * int(drop_bos)
    n_sampled = max(1, min(n_counted, _SAMPLE_CELLS // len(densities)))
    found, n_done = [], 0
    for x in stream_activations(subject, windows, drop_bos=drop_bos, n_vectors=n_sampled, seed=seed):
        found.append((x @ W_enc.T.to(x.device)).cpu().numpy())  # [n, F]
        n_done += len(x)
        if progress is not None:
            progress(n_done, n_sampled)
    projections = np.concatenate(found)  # [n_sampled, F]
    thresholds = [_threshold(column, density) for column, density in zip(projections.T, densities, strict=True)]
    cfg = sae.SAEConfig(
        "standard",
        subject.d_model,
        len(densities),
        apply_b_dec_to_input=False,
        metadata=replace(metadata, n_dead_train=None, dead_train=None, extra={}),
    )
    tensors = {"W_enc": W_enc.T, "b_enc": -torch.tensor(thresholds), "W_dec": W_dec}
    return sae.build(cfg, {**tensors, "b_dec": torch.zeros(subject.d_model)})


def _threshold(projections: np.ndarray, density: float) -> float:
    """What the share ``density`` of the projections is above."""
    n = len(projections)
    n_active = min(n - 1, max(1, round(density * n)))
    return float(np.partition(projections, n - n_active - 1)[n - n_active - 1])
