"""Which features are steered with, and on which windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.linalg import vector_norm

from autointerp.corpus import SPLITS
from autointerp.evaluate._setting import Setting
from autointerp.evaluate._suite import NotMeasurable


@dataclass(frozen=True)
class Firing:
    """One feature on the text that was searched."""

    n_tokens: int
    """Tokens on which it fires."""
    max_activation: float
    windows: dict[str, NDArray[np.int64]]
    """Windows in which it fires, by half of the text."""


@dataclass(frozen=True)
class Sample:
    """Features, and windows of both halves."""

    features: dict[int, Firing]
    """Drawn at random from the live ones, in order."""
    n_live: int
    """Features that fire in both halves of the text that was searched."""
    n_searched: int
    """Tokens that were searched."""
    mean_norm: float
    """Mean |x| of these: the unit of steering."""
    windows: dict[str, NDArray[np.int64]]
    """Windows to steer on, by half."""


@torch.no_grad()
def draw_sample(setting: Setting, *, n_features: int, n_windows: int) -> Sample:
    """Search the setting's text for live features, and draw some.

    Args:
        setting: Text, SAE, seed.
        n_features: To draw at most.
        n_windows: Of each half to steer on, at most.

    Raises:
        NotMeasurable: A half has no text here, or no feature fires in both.
    """
    model, split = setting.model, np.asarray(setting.windows.split)
    where: list[NDArray[np.int64]] = []  # pairs of feature and window, [m, 2]
    strongest = np.zeros(model.cfg.d_sae)
    n_firing = np.zeros(model.cfg.d_sae, np.int64)
    norms: list[NDArray[np.float64]] = []
    for batch in setting.batches("live features"):
        x = setting.subject.residuals(batch.tokens)[batch.kept]  # [n, d]
        norms.append(vector_norm(x.double(), dim=-1).cpu().numpy())
        acts = model.encode_sparse(x)
        window = np.repeat(batch.rows, batch.kept.sum(dim=1).cpu().numpy())  # [n]
        feature = acts.feature.cpu().numpy()
        where.append(np.unique(np.stack([feature, window[acts.row.cpu().numpy()]], axis=1), axis=0))
        np.maximum.at(strongest, feature, acts.value.cpu().numpy())
        n_firing += np.bincount(feature, minlength=model.cfg.d_sae)
    pairs, norm = np.concatenate(where), np.concatenate(norms)
    by_half = {name: pairs[split[pairs[:, 1]] == number] for number, name in enumerate(SPLITS)}
    windows = {name: setting.rows[split[setting.rows] == number][:n_windows] for number, name in enumerate(SPLITS)}
    live = np.intersect1d(*(half[:, 0] for half in by_half.values()))
    if not len(live) or not all(map(len, windows.values())):
        raise NotMeasurable(
            f"No feature fires in both halves of the {len(norm):,} tokens that were searched. Use more --tokens."
        )
    chosen = np.sort(np.random.default_rng(setting.seed).permutation(live)[:n_features])
    features = {
        int(feature): Firing(
            n_tokens=int(n_firing[feature]),
            max_activation=float(strongest[feature]),
            windows={name: half[half[:, 0] == feature, 1][:n_windows] for name, half in by_half.items()},
        )
        for feature in chosen
    }
    return Sample(features, len(live), len(norm), float(norm.mean()), windows)
