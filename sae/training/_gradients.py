"""The gradients of the loss, written out by hand: twice, for many and for few active features.

With f = relu((x - b_dec) @ W_enc + b_enc), e = f @ W_dec + b_dec - x, and loss = (error * sum(e^2) + l1 * sum(f)) / n:

    g    = 2 * error / n * e                 gradient of the reconstruction   [n, d_in]
    df   = (g @ W_dec.T + l1 / n) * (f > 0)  gradient of the pre-activation   [n, d_sae]
    dW_dec = f.T @ g      dW_enc = (x - b_dec).T @ df      db_enc = sum(df)      db_dec = sum(g) - W_enc @ db_enc

The last term needs no gradient of x, which would cost as much as the encoder. Where few features fire (a trained SAE:
1 %), only the encoder needs a dense product; everything else runs over the active (row, feature) pairs, as weighted
sums of rows. Both ways give the same numbers up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from sae._sparse import positive_positions
from sae.training._loss import LossWeights
from sae.training._weights import Weights

CHUNK_ELEMENTS = 2**22
"""Dense activations a CPU holds at once: 16 MiB, near its caches."""
CHUNK_ELEMENTS_GPU = 2**28
"""The same for an accelerator, which wants large products: 1 GiB."""
SPARSE_DENSITY = 0.15
"""Share of active features below which the sparse way is faster on a CPU."""


@dataclass(frozen=True)
class Step:
    """The gradients of one batch, and what was seen on the way."""

    gradients: Weights
    """Of the four weights."""
    squared_error: Tensor
    """Scalar: sum over inputs and dimensions."""
    feature_sum: Tensor
    """Scalar: sum over inputs and features."""
    counts: Tensor
    """float32 [d_sae]: inputs on which each feature fired."""


@torch.no_grad()
def dense_step(x: Tensor, weights: Weights, loss: LossWeights) -> Step:
    """Compute the gradients with dense products, a block of rows at a time.

    Args:
        x: [n, d_in].
        weights: The current weights.
        loss: What error and features count.

    Returns:
        The gradients and counts.
    """
    n, d_sae = len(x), len(weights.encoder)
    totals = Weights(*(torch.zeros_like(tensor) for tensor in weights.tensors()))
    squared_error, feature_sum = x.new_zeros(()), x.new_zeros(())
    counts = x.new_zeros(d_sae)
    bias = weights.encoder_bias()
    for rows in torch.split(x, _chunk_rows(x, d_sae)):
        features = torch.addmm(bias, rows, weights.encoder.T).relu_()  # [rows, d_sae]
        error = weights.decode(features) - rows
        g = error * (2 * loss.error / n)
        df = torch.addmm(x.new_full((d_sae,), loss.l1 / n), g, weights.decoder.T)  # [rows, d_sae]
        df.mul_(features > 0)
        totals.decoder.addmm_(features.T, g)
        totals.encoder.addmm_(df.T, rows - weights.b_dec)
        totals.b_enc.add_(df.sum(dim=0))
        totals.b_dec.add_(g.sum(dim=0))
        squared_error += error.square().sum()
        feature_sum += features.sum()
        counts += (features > 0).sum(dim=0)
    totals.b_dec.sub_(totals.b_enc @ weights.encoder)
    return Step(totals, squared_error, feature_sum, counts)


@torch.no_grad()
def sparse_step(x: Tensor, weights: Weights, loss: LossWeights) -> Step:
    """Compute the gradients over the active pairs alone.

    Args:
        x: [n, d_in].
        weights: The current weights.
        loss: What error and features count.

    Returns:
        The gradients and counts, the same as ``dense_step``'s up to rounding.
    """
    n, d_sae = len(x), len(weights.encoder)
    flat, value = _active(x, weights)  # [nnz] each, by row
    row, feature = flat // d_sae, flat % d_sae
    row_ends = torch.searchsorted(
        flat, torch.arange(n + 1, device=x.device) * d_sae
    )  # where each row begins, and the end
    with torch.enable_grad():
        leaf = value.detach().requires_grad_()
        decoded = _weighted_rows(feature, weights.decoder, row_ends, leaf)  # [n, d_in]
    error = decoded.detach() + weights.b_dec - x
    g = error * (2 * loss.error / n)
    df = torch.autograd.grad(decoded, leaf, g)[0] + loss.l1 / n  # [nnz]: one dot product per active pair

    by_feature = torch.argsort(feature, stable=True)
    row, value, df_sorted = row[by_feature], value[by_feature], df[by_feature]
    counts = torch.bincount(feature, minlength=d_sae)
    feature_ends = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    db_enc = x.new_zeros(d_sae).index_add_(0, feature, df)
    gradients = Weights(
        encoder=_weighted_rows(row, x - weights.b_dec, feature_ends, df_sorted),
        b_enc=db_enc,
        decoder=_weighted_rows(row, g, feature_ends, value),
        b_dec=g.sum(dim=0) - db_enc @ weights.encoder,
    )
    return Step(gradients, error.square().sum(), value.sum(), counts.to(x.dtype))


def _active(x: Tensor, weights: Weights) -> tuple[Tensor, Tensor]:
    """Encode block by block into one reused buffer; give flat positions in [n, d_sae] and their activations."""
    d_sae, bias = len(weights.encoder), weights.encoder_bias()
    n_chunk = _chunk_rows(x, d_sae)
    block = x.new_empty(min(n_chunk, len(x)), d_sae)
    positions, values = [], []
    for index, rows in enumerate(torch.split(x, n_chunk)):
        pre = torch.addmm(bias, rows, weights.encoder.T, out=block[: len(rows)])
        found = positive_positions(pre)
        positions.append(found + index * n_chunk * d_sae)
        values.append(pre.view(-1)[found])
    return torch.cat(positions), torch.cat(values)


def _weighted_rows(index: Tensor, table: Tensor, ends: Tensor, weight: Tensor) -> Tensor:
    """Sum ``weight * table[index]`` over each bag ``ends[i]:ends[i + 1]``: [len(ends) - 1, table.shape[1]]."""
    return embedding_bag(index, table, ends, per_sample_weights=weight, mode="sum", include_last_offset=True)


def _chunk_rows(x: Tensor, d_sae: int) -> int:
    return max(256, (CHUNK_ELEMENTS if x.device.type == "cpu" else CHUNK_ELEMENTS_GPU) // d_sae)
