"""The JumpReLU SAE, over the pairs near or above their threshold (Rajamanoharan et al. 2024, arXiv:2407.14435).

Features are f = p where p > threshold, else 0. The step at the threshold has no derivative; a rectangle of width b
around it stands in: with K = 1 where |p - threshold| < b / 2, ``df/dthreshold = -threshold / b * K`` and, for the
count of active features, ``dL0/dthreshold = -K / b``. The threshold itself is learned, not its logarithm, which Adam
freezes.
"""

from __future__ import annotations

import torch

from sae._sparse import true_positions
from sae.training._batch import Batch
from sae.training._weights import Weights
from sae.training.steps._pairs import collect, find_pairs, reconstruct_pairs
from sae.training.steps._step import Objective, Step, sum_of_squares, target_factor


@torch.no_grad()
def jumprelu_sparse_step(batch: Batch, weights: Weights, objective: Objective) -> Step:
    """Compute the gradients over the pairs that are active or within the window.

    Args:
        batch: Inputs and targets.
        weights: The current weights of a jumprelu SAE.
        objective: Bandwidth, and either L0 or another penalty.

    Returns:
        The gradients and counts.
    """
    assert weights.threshold is not None
    x, n, d_sae, loss, width = batch.x, len(batch), len(weights.encoder), objective.loss, objective.bandwidth
    lower = weights.threshold - width / 2
    pairs = find_pairs(x, weights, objective.encoder_dtype, lambda block: true_positions(block > lower))
    threshold = weights.threshold[pairs.feature]
    active = pairs.pre > threshold
    window = ((pairs.pre - threshold).abs() < width / 2).to(x.dtype)
    f = pairs.pre * active

    error, dots = reconstruct_pairs(pairs, f, weights, batch.target)
    factor = 2 * loss.error / n
    df = dots * factor
    if objective.counts_features:
        penalty, slope = target_factor(objective, active.sum().to(x.dtype), n)
        d_step = loss.l1 / n * slope
    else:
        penalty, d_step = loss.reported(f).sum(), x.new_zeros(())
        df += loss.slope(f) / n * active
    counts = torch.bincount(pairs.feature[active], minlength=d_sae).to(x.dtype)
    if objective.frequency is not None:
        objective.frequency.observe(counts, n)
        df += objective.frequency.slope(f, pairs.feature, n)

    gradients, _ = collect(pairs, x, weights, f=f, d_pre=df * active, groups=[(d_sae, error)], factor=factor)
    d_threshold = -(threshold * df + d_step) * window / width
    gradients["threshold"] = x.new_zeros(d_sae).index_add_(0, pairs.feature, d_threshold)
    return Step(gradients, error, sum_of_squares(error), penalty, counts)
