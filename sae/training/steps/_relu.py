"""ReLU features with a penalty (standard and tied), written out by hand: twice, for many and for few active features.

With f = relu((x - b_dec) @ W_enc + b_enc), e = f @ W_dec + b_dec - target, and
loss = (error * sum(e^2) + l1 * sum(phi(f))) / n:

    g    = 2 * error / n * e                           gradient of the reconstruction   [n, d_in]
    df   = (g @ W_dec.T + l1 / n * phi'(f)) * (f > 0)  gradient of the pre-activation   [n, d_sae]
    dW_dec = f.T @ g      dW_enc = (x - b_dec).T @ df      db_enc = sum(df)      db_dec = sum(g) - W_enc @ db_enc

Where the penalty is of u = f * |d|, |d| being the norm of the feature's decoder row d (free decoder norms):
df has ``l1 / n * phi'(u) * |d|`` in place of its last term, and dW_dec gains ``l1 / n * sum(f * phi'(u)) * d / |d|``.

The last term of db_dec needs no gradient of x, which would cost as much as the encoder; where the target is not x the
encoder reads x itself, and there is no such term. Both ways give the same numbers up to rounding.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from sae.kernels import choose_kernels
from sae.training._batch import Batch
from sae.training._weights import Weights
from sae.training.steps._pairs import collect, encode_blocks, find_pairs, merge_tied, reconstruct_pairs
from sae.training.steps._step import Objective, Step, stored, sum_of_squares


@torch.no_grad()
def relu_dense_step(batch: Batch, weights: Weights, objective: Objective) -> Step:
    """Compute the gradients with dense products, a block of rows at a time.

    Args:
        batch: Inputs and targets.
        weights: The current weights.
        objective: Without a frequency penalty.

    Returns:
        The gradients and counts.
    """
    x, target, loss, d_sae = batch.x, batch.target, objective.loss, len(weights.encoder)
    totals = {name: torch.zeros_like(getattr(weights, name)) for name in ("encoder", "b_enc", "decoder", "b_dec")}
    squared_error, penalty = x.new_zeros(()), x.new_zeros(())
    counts, errors = x.new_zeros(d_sae), torch.empty_like(x)
    norms, growth = loss.norms(weights.decoder), x.new_zeros(d_sae)
    for start, block in encode_blocks(x, weights, objective.encoder_dtype):
        features = block.float().relu_()  # [rows, d_sae]
        part = slice(start, start + len(features))
        error = torch.sub(weights.decode(features), target[part], out=errors[part])
        g = error * (2 * loss.error / len(x))
        penalised = features if norms is None else features * norms
        slope = loss.slope(penalised)
        if norms is not None:
            growth += (features * slope).sum(dim=0)
            slope = slope * norms
        df = _feature_gradient(features, g, weights, slope, len(x))
        totals["decoder"].addmm_(features.T, g)
        totals["encoder"].addmm_(df.T, weights.centred(x[part]))
        totals["b_enc"].add_(df.sum(dim=0))
        totals["b_dec"].add_(g.sum(dim=0))
        squared_error += sum_of_squares(error)
        penalty += loss.reported(penalised).sum()
        counts += (features > 0).sum(dim=0)
    if weights.apply_b_dec_to_input:
        totals["b_dec"].sub_(totals["b_enc"] @ weights.encoder)
    if norms is not None:
        _add_along(totals["decoder"], weights.decoder, norms, growth / len(x))
    return Step(merge_tied(dict(totals), weights), errors, squared_error, penalty, counts)


@torch.no_grad()
def relu_sparse_step(batch: Batch, weights: Weights, objective: Objective) -> Step:
    """Compute the gradients over the active pairs alone.

    Args:
        batch: Inputs and targets.
        weights: The current weights.
        objective: What error and features count.

    Returns:
        The gradients and counts, the same as ``relu_dense_step``'s up to rounding.
    """
    x, n, loss = batch.x, len(batch), objective.loss
    pairs = find_pairs(x, weights, objective.encoder_dtype, partial(choose_kernels(x.device).above, bar=0.0))
    f = pairs.pre
    error, dots = reconstruct_pairs(pairs, f, weights, batch.target)
    factor = 2 * loss.error / n
    norms = loss.norms(weights.decoder)
    sizes = 1.0 if norms is None else norms[pairs.feature]  # [nnz]
    penalised = f if norms is None else f * sizes
    slope = loss.slope(penalised) / n
    df = dots * factor + slope * sizes  # [nnz]: one dot product per active pair
    if objective.frequency is not None:
        counts = torch.bincount(pairs.feature, minlength=len(weights.encoder))
        objective.frequency.observe(counts, n)
        df += objective.frequency.slope(f, pairs.feature, n)
    gradients, counts = collect(pairs, x, weights, f=f, d_pre=df, groups=[(len(weights.encoder), error)], factor=factor)
    if norms is not None:
        growth = torch.zeros_like(norms).index_add_(0, pairs.feature, f * slope)
        gradients["decoder"] = decoder = stored(gradients["decoder"])
        _add_along(decoder, weights.decoder, norms, growth)
    return Step(gradients, error, sum_of_squares(error), loss.reported(penalised).sum(), counts)


def _feature_gradient(features: Tensor, g: Tensor, weights: Weights, slope: Tensor | float, n: int) -> Tensor:
    """Give the loss's derivative by the pre-activations: [rows, d_sae]."""
    per_feature = slope / n if isinstance(slope, Tensor) else features.new_full((features.shape[1],), slope / n)
    return torch.addmm(per_feature, g, weights.decoder.T).mul_(features > 0)


def _add_along(gradient: Tensor, decoder: Tensor, norms: Tensor, growth: Tensor) -> None:
    """Add to the decoder's gradient, in place, ``growth`` [d_sae] in the direction of each row; none for a zero row."""
    gradient.addcmul_(decoder, (growth / norms.clamp(min=1e-30))[:, None])
