"""A second life for the dead features of a TopK SAE: let them reconstruct what the others leave over.

After Gao et al. 2024, "Scaling and evaluating sparse autoencoders" (auxiliary loss). With e = target - reconstruction
taken as a constant, pre = (x - b_dec) @ W_enc + b_enc, and z = relu of the ``k_aux`` largest pre-activations among the
dead features of each input, the total loss gains

    coefficient * sum((z @ W_dec - e)^2) * scale

where ``scale`` is the weight of the main loss's squared error over the inputs (error / n), or, if ``normalise``, one
over the sum of squared distances of e from its mean. Written out by hand like the main loss, over the dead features
alone: n_dead of them cost n_dead / d_sae of a dense step, and less where an input uses only a few of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sae._errors import SAEError
from sae._sparse import positive_positions
from sae.training._weights import Weights
from sae.training.steps._pairs import collect, decode_pairs, encode_blocks, find_pairs
from sae.training.steps._step import stored

SPARSE_DENSITY = 0.2
"""Share of the dead features used for an input below which a CPU works over the used pairs alone."""


@dataclass(frozen=True)
class AuxStep:
    """The auxiliary loss of one batch and its gradients; no row of an alive feature has one."""

    loss: Tensor
    """Scalar, with its coefficient."""
    dead: Tensor
    """int64 [n_dead]: the rows that the gradients belong to."""
    gradients: dict[str, Tensor]
    """``encoder`` and ``decoder`` [n_dead, d_in], ``b_enc`` [n_dead], and ``b_dec`` [d_in] (of an encoder that reads
    it)."""

    def add_to(self, gradients: Mapping[str, Tensor]) -> None:
        """Add these gradients to those of the main loss, in place.

        Args:
            gradients: By the same names, over all features.
        """
        for name in ("encoder", "b_enc", "decoder"):
            gradients[name].index_add_(0, self.dead, self.gradients[name])
        gradients["b_dec"].add_(self.gradients["b_dec"])


@torch.no_grad()
def aux_k_step(
    x: Tensor,
    residual: Tensor,
    dead: Tensor,
    weights: Weights,
    *,
    k_aux: int,
    coefficient: float = 1 / 32,
    error: float = 1.0,
    normalise: bool = False,
) -> AuxStep:
    """Compute the auxiliary loss and its gradients.

    Args:
        x: [n, d_in]: inputs.
        residual: [n, d_in]: targets minus their reconstructions by all features.
        dead: int64 [n_dead], each once.
        weights: The current weights.
        k_aux: Dead features an input may use; the paper takes about d_in / 2. All, where fewer are dead.
        coefficient: Of this loss.
        error: Weight of the main loss's squared error (``LossWeights.error``); not used if ``normalise``.
        normalise: Divide by the batch's sum of squared distances of the residual from its mean, as the paper's program
            does: the loss is then ``coefficient`` times a fraction of variance unexplained.

    Returns:
        The loss and its gradients.

    Raises:
        SAEError: ``k_aux`` is below 1.
    """
    if k_aux < 1:
        raise SAEError(f"k_aux must be at least 1, found {k_aux}")
    scale = coefficient * (_inverse_variance(residual) if normalise else residual.new_tensor(error / len(x)))
    rows = Weights(
        weights.encoder[dead],
        weights.b_enc[dead],
        weights.decoder[dead],
        weights.b_dec,
        apply_b_dec_to_input=weights.apply_b_dec_to_input,
    )
    few = x.device.type == "cpu" and k_aux < SPARSE_DENSITY * len(dead)
    squared_error, gradients = (_sparse if few else _dense)(x, residual, rows, min(k_aux, len(dead)), 2 * scale)
    return AuxStep(scale * squared_error, dead, gradients)


def _inverse_variance(residual: Tensor) -> Tensor:
    variance = (residual - residual.mean(dim=0)).square().sum()
    return torch.where(variance > 0, 1 / variance, 0)


def _dense(x: Tensor, residual: Tensor, rows: Weights, k: int, scale: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Give the squared error, and ``scale / 2`` times its gradients, with dense products over the dead features."""
    totals = {name: torch.zeros_like(tensor) for name, tensor in rows.named().items()}
    squared_error = x.new_zeros(())
    for start, pre in encode_blocks(x, rows, x.dtype):
        part = slice(start, start + len(pre))
        z = _strongest(pre, k)
        e = z @ rows.decoder - residual[part]
        g = e * scale
        dz = (g @ rows.decoder.T).mul_(z > 0)  # [rows, n_dead]
        totals["decoder"].addmm_(z.T, g)
        totals["encoder"].addmm_(dz.T, rows.centred(x[part]))
        totals["b_enc"].add_(dz.sum(dim=0))
        squared_error += e.square().sum()
    if rows.apply_b_dec_to_input:
        totals["b_dec"].sub_(totals["b_enc"] @ rows.encoder)
    return squared_error, totals


def _sparse(x: Tensor, residual: Tensor, rows: Weights, k: int, scale: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Give the same over the (input, dead feature) pairs that are used."""
    pairs = find_pairs(x, rows, x.dtype, lambda pre: positive_positions(_strongest(pre, k)))
    decoded, dots = decode_pairs(pairs, pairs.pre, rows.decoder)
    e = decoded - residual
    found, _ = collect(pairs, x, rows, f=pairs.pre, d_pre=dots(e) * scale, groups=[(len(rows.b_enc), e)], factor=scale)
    gradients = {name: stored(gradient) for name, gradient in found.items()}
    gradients["b_dec"] -= e.sum(dim=0) * scale  # b_dec is no part of this reconstruction
    return e.square().sum(), gradients


def _strongest(pre: Tensor, k: int) -> Tensor:
    """Keep each input's k largest pre-activations, as far as they are above 0; the rest is 0. [rows, n_dead]."""
    value, feature = pre.topk(k, dim=1, sorted=False)
    return torch.zeros_like(pre).scatter_(1, feature, value.relu_())
