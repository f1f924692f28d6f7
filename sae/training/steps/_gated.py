"""The gated SAE, over the active pairs alone (Rajamanoharan et al. 2024, arXiv:2404.16014).

With u = (x - b_dec) @ W_enc, p = u + b_gate and m = u * exp(r_mag) + b_mag, features are f = relu(m) where p > 0.
The loss has three parts: the error of f's reconstruction, which teaches the magnitudes; the penalty on relu(p); and the
error of relu(p)'s reconstruction, which teaches the gate. In the third the decoder is held fixed.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from sae.kernels import choose_kernels
from sae.training._batch import Batch
from sae.training._weights import Weights
from sae.training.steps._pairs import collect, find_pairs, reconstruct_pairs
from sae.training.steps._step import Objective, Step, sum_of_squares


@torch.no_grad()
def gated_sparse_step(batch: Batch, weights: Weights, objective: Objective) -> Step:
    """Compute the gradients over the pairs whose gate is open.

    Args:
        batch: Inputs and targets.
        weights: The current weights of a gated SAE.
        objective: What error and gates count.

    Returns:
        The gradients and counts.
    """
    assert weights.r_mag is not None
    assert weights.b_mag is not None
    x, n, d_sae, loss = batch.x, len(batch), len(weights.encoder), objective.loss
    pairs = find_pairs(x, weights, objective.encoder_dtype, partial(choose_kernels(x.device).above, bar=0.0))
    gate, scale = pairs.pre, weights.r_mag.exp()[pairs.feature]  # [nnz] each
    u = gate - weights.b_enc[pairs.feature]
    f = (u * scale + weights.b_mag[pairs.feature]).relu_()

    error, dots = reconstruct_pairs(pairs, f, weights, batch.target)
    gate_error, gate_dots = reconstruct_pairs(pairs, gate, weights, batch.target)
    factor = 2 * loss.error / n
    dm = dots * factor * (f > 0)
    d_gate = gate_dots * factor + loss.slope(gate) / n

    def by_feature(values: Tensor) -> Tensor:
        return x.new_zeros(d_sae).index_add_(0, pairs.feature, values)

    counts = by_feature((f > 0).to(x.dtype))
    if objective.frequency is not None:
        objective.frequency.observe(counts, n)
        d_gate += objective.frequency.slope(gate, pairs.feature, n)

    gradients, _ = collect(pairs, x, weights, f=f, d_pre=dm * scale + d_gate, groups=[(d_sae, error)], factor=factor)
    gradients |= {"b_enc": by_feature(d_gate), "r_mag": by_feature(dm * scale * u), "b_mag": by_feature(dm)}
    return Step(
        gradients,
        error,
        squared_error=sum_of_squares(error),
        penalty=loss.reported(gate).sum(),
        counts=counts,
        other_error=sum_of_squares(gate_error),
    )
