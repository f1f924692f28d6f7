"""Computing with the active (row, feature) pairs alone.

In a trained SAE about 1 % of the features fire. Then only the encoder needs a dense product; everything else is a
weighted sum of rows over the pairs: of decoder rows for a reconstruction, of inputs and errors for the gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sae.kernels import RowSums, choose_kernels
from sae.training._weights import Weights
from sae.training.steps._step import Gradient, chunk_rows, stored


@dataclass(frozen=True)
class Pairs:
    """Pairs of input and feature, sorted by row, then by feature."""

    row: Tensor
    """int64 [nnz]"""
    feature: Tensor
    """int64 [nnz]"""
    pre: Tensor
    """float32 [nnz]: the encoder's output before any nonlinearity."""
    row_ends: Tensor
    """int64 [n + 1]: where each row begins, and the end."""

    def keep(self, positions: Tensor) -> Pairs:
        """Give some of the pairs.

        Args:
            positions: int64 [m], ascending.
        """
        row = self.row[positions]
        rows = torch.arange(len(self.row_ends), device=row.device)
        return Pairs(row, self.feature[positions], self.pre[positions], torch.searchsorted(row, rows))


def encode_blocks(x: Tensor, weights: Weights, dtype: torch.dtype) -> Iterator[tuple[int, Tensor]]:
    """Encode block by block, all into one buffer.

    Args:
        x: [n, d_in].
        weights: The current weights.
        dtype: Of the product.

    Yields:
        The first row of a block and its pre-activations [rows, d_sae], to be used before the next.
    """
    bias, encoder = weights.encoder_bias().to(dtype), weights.encoder.to(dtype)
    n_chunk = chunk_rows(x, len(encoder))
    block = x.new_empty(min(n_chunk, len(x)), len(encoder), dtype=dtype)
    for start in range(0, len(x), n_chunk):
        rows = x[start : start + n_chunk].to(dtype)
        yield start, torch.addmm(bias, rows, encoder.T, out=block[: len(rows)])


def find_pairs(x: Tensor, weights: Weights, dtype: torch.dtype, select: Callable[[Tensor], Tensor]) -> Pairs:
    """Encode, and keep what is selected.

    Args:
        x: [n, d_in].
        weights: The current weights.
        dtype: Of the encoder's product.
        select: Gives the positions to keep in a flattened block [rows, d_sae], ascending.

    Returns:
        The pairs.
    """
    d_sae = len(weights.encoder)
    positions, values = [], []
    for start, block in encode_blocks(x, weights, dtype):
        found = select(block)
        positions.append(found + start * d_sae)
        values.append(block.view(-1).index_select(0, found))
    flat, pre = torch.cat(positions), torch.cat(values).float()
    positions.clear()  # with many pairs, every copy that is not kept is felt in the step's memory
    values.clear()
    row_ends = torch.searchsorted(flat, torch.arange(len(x) + 1, device=x.device) * d_sae)
    return Pairs(flat // d_sae, flat.remainder_(d_sae), pre, row_ends)


def decode_pairs(pairs: Pairs, f: Tensor, decoder: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Reconstruct from features, without the bias.

    Args:
        pairs: Where the features are.
        f: [nnz]: their values.
        decoder: [d_sae, d_in].

    Returns:
        [n, d_in], and a function that takes a gradient [n, d_in] and gives its dot product with every pair's decoder
        row: [nnz].
    """
    kernels = choose_kernels(decoder.device)

    def dots(g: Tensor) -> Tensor:
        return kernels.dots(pairs.feature, decoder, pairs.row_ends, g)

    return kernels.weighted_rows(pairs.feature, decoder, pairs.row_ends, f), dots


def reconstruct_pairs(pairs: Pairs, f: Tensor, weights: Weights, target: Tensor) -> tuple[Tensor, Tensor]:
    """Reconstruct from features, and compare with the target.

    Args:
        pairs: Where the features are.
        f: [nnz]: their values.
        weights: The current weights.
        target: [n, d_in].

    Returns:
        [n, d_in]: reconstruction minus target; [nnz]: its dot product with every pair's decoder row.
    """
    sums = RowSums(pairs.feature, weights.decoder, pairs.row_ends, f)
    return choose_kernels(target.device).errors(sums, weights.b_dec, target)


def collect(
    pairs: Pairs,
    x: Tensor,
    weights: Weights,
    *,
    f: Tensor,
    d_pre: Tensor,
    groups: list[tuple[int, Tensor]],
    factor: float | Tensor,
) -> tuple[dict[str, Gradient], Tensor]:
    """Sum the pairs' gradients up to those of encoder, b_enc, decoder and b_dec; where it can wait, only later.

    Args:
        pairs: Where the features are.
        x: [n, d_in].
        weights: The current weights.
        f: [nnz]: activations.
        d_pre: [nnz]: the loss's derivative by the pre-activations.
        groups: For each range of features, its end and the error [n, d_in] that its decoder rows see; the first
            group's is that of b_dec's part in the reconstructions.
        factor: The gradient of a reconstruction is its error times this.

    Returns:
        The gradients by name, and float32 [d_sae]: pairs of each feature.
    """
    d_sae, kernels = len(weights.encoder), choose_kernels(x.device)
    by_feature, ends = kernels.order_by(pairs.feature, d_sae)
    row, f, d_sorted = (one.index_select(0, by_feature) for one in (pairs.row, f, d_pre))
    f.mul_(factor)
    db_enc = x.new_zeros(d_sae).index_add_(0, pairs.feature, d_pre)
    db_dec = groups[0][1].sum(dim=0) * factor
    if weights.apply_b_dec_to_input:
        db_dec -= db_enc @ weights.encoder
    gradients: dict[str, Gradient] = {
        "encoder": RowSums(row, x, ends, d_sorted, shift=weights.centre),
        "b_enc": db_enc,
        "decoder": _decoder_gradient(row, f, ends, groups),
        "b_dec": db_dec,
    }
    return merge_tied(gradients, weights), ends.diff().to(x.dtype)


def merge_tied(gradients: dict[str, Gradient], weights: Weights) -> dict[str, Gradient]:
    """Add a tied decoder's gradient to the encoder's."""
    if weights.tied:
        gradients["encoder"] = stored(gradients["encoder"]) + stored(gradients.pop("decoder"))
    return gradients


def _decoder_gradient(row: Tensor, f: Tensor, ends: Tensor, groups: list[tuple[int, Tensor]]) -> Gradient:
    if len(groups) == 1:
        return RowSums(row, groups[0][1], ends, f)
    parts, low = [], 0
    for high, error in groups:
        first, last = int(ends[low]), int(ends[high])
        parts.append(stored(RowSums(row[first:last], error, ends[low : high + 1] - first, f[first:last])))
        low = high
    return torch.cat(parts)
