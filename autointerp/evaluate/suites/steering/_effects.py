"""Runs of the model with interventions: what each does to the loss and to the predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autointerp.corpus import SPLITS
from autointerp.evaluate._estimates import Estimate, TokenMeans
from autointerp.evaluate._setting import Batch, Setting
from autointerp.evaluate._splice import Predictions, predict
from autointerp.evaluate.suites.steering._interventions import add_direction, remove_feature
from autointerp.evaluate.suites.steering._sample import Sample

REMOVE = "remove"


@dataclass(frozen=True)
class Effect:
    """What one intervention does on one half of the text."""

    feature: int
    """Its number; -1, -2, ... for random directions."""
    intervention: str
    """``remove``, or ``add A`` for A times the mean norm."""
    half: str
    """``explain`` or ``score``."""
    ce_change: Estimate
    """Nats a token: over the tokens that count, for ``remove`` over those on which the feature fires."""
    kl: Estimate
    """Of the original predictions from the changed ones, nats a token, over the same."""


@dataclass(frozen=True)
class Effects:
    """All that was run."""

    effects: list[Effect]
    log_probability: dict[int, NDArray[np.float64]]
    """By feature, mean change of each token's log-probability when its direction is added at the smallest strength,
    both halves together, [v]."""


def add_name(alpha: float) -> str:
    """The name of adding ``alpha`` times the mean norm."""
    return f"add {alpha:g}"


@torch.no_grad()
def run_interventions(setting: Setting, sample: Sample, *, alphas: tuple[float, ...], n_random: int) -> Effects:
    """Steer with each feature and with random directions, and take each feature away.

    Args:
        setting: Text and SAE.
        sample: Features and windows.
        alphas: Strengths in units of the mean norm, ascending.
        n_random: Random directions.
    """
    halves = {half: setting.batch(sample.windows[half]) for half in SPLITS}
    originals = {half: predict(setting.subject, batch) for half, batch in halves.items()}
    effects: list[Effect] = []
    moved: dict[int, NDArray[np.float64]] = {}
    directions = dict(_directions(setting, sample, n_random))
    with setting.progress.stage("steering", "features") as tick:
        for done, (feature, direction) in enumerate(directions.items()):
            for alpha in alphas:
                replace = add_direction(direction, alpha * sample.mean_norm)
                for half, batch in halves.items():
                    changed = predict(setting.subject, batch, replace)
                    counts = originals[half].counts
                    means = _compare(originals[half], changed, counts, setting.clusters(batch.rows))
                    effects.append(_effect(feature, add_name(alpha), half, means))
                    if alpha == alphas[0] and feature >= 0:
                        shift = (changed.log_probabilities - originals[half].log_probabilities)[counts]  # [n, v]
                        moved[feature] = moved.get(feature, 0.0) + shift.sum(dim=0).double().cpu().numpy()
            if feature >= 0:
                effects += _removals(setting, sample, feature)
            tick(done + 1, len(directions))
    n = sum(int(original.counts.sum()) for original in originals.values())
    return Effects(effects, {feature: total / n for feature, total in moved.items()})


def _directions(setting: Setting, sample: Sample, n_random: int) -> Iterator[tuple[int, Tensor]]:
    generator = torch.Generator().manual_seed(setting.seed)
    W_dec = setting.model.W_dec.detach()
    for feature in sample.features:
        yield feature, W_dec[feature]
    for number in range(n_random):
        yield -1 - number, torch.randn(setting.model.cfg.d_in, generator=generator)


def _removals(setting: Setting, sample: Sample, feature: int) -> list[Effect]:
    """Take a feature away in windows in which it fires; measured where it fires."""
    effects = []
    for half, rows in sample.features[feature].windows.items():
        batch = setting.batch(rows)
        original = predict(setting.subject, batch)
        firing = torch.zeros_like(batch.kept)

        def replace(x: Tensor, batch: Batch = batch, firing: Tensor = firing) -> Tensor:
            without = remove_feature(setting.model, feature)(x)
            firing[batch.kept] = (without != x).any(dim=-1)  # only where it fires is anything taken away
            return without

        changed = predict(setting.subject, batch, replace)
        counts = original.counts & firing[:, :-1]
        if counts.any():
            means = _compare(original, changed, counts, setting.clusters(batch.rows))
            effects.append(_effect(feature, REMOVE, half, means))
    return effects


def _compare(original: Predictions, changed: Predictions, counts: Tensor, clusters: NDArray[np.int64]) -> TokenMeans:
    means = TokenMeans()
    p, q = original.log_probabilities, changed.log_probabilities
    means.add("ce_change", changed.loss - original.loss, counts, clusters)
    means.add("kl", (p.exp() * (p - q)).sum(dim=-1), counts, clusters)
    return means


def _effect(feature: int, intervention: str, half: str, means: TokenMeans) -> Effect:
    return Effect(feature, intervention, half, means.mean("ce_change"), means.mean("kl"))
