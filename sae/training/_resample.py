"""Giving dead features a second life (Bricken et al. 2023, "Towards Monosemanticity", neuron resampling)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import vector_norm
from torch.nn.functional import normalize
from torch.optim import Adam

from sae.training._loss import LossWeights, row_losses
from sae.training._weights import Weights

N_CANDIDATES = 8192
"""Recent inputs that new directions are drawn from."""
OUTLIER_NORM = 10.0
"""Inputs longer than this many median norms are never drawn: one such token would become every new feature."""


@torch.no_grad()
def draw_inputs(x: Tensor, losses: Tensor, b_dec: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Draw inputs without repetition, with probability proportional to the square of their loss.

    Args:
        x: [n_candidates, d_in].
        losses: [n_candidates], not negative.
        b_dec: [d_in]; inputs equal to it have no direction and are not drawn.
        n: How many to draw.
        generator: Of a CPU.

    Returns:
        [at most n, d_in]: fewer where fewer candidates can be drawn.
    """
    norms = vector_norm(x, dim=1)
    usable = (norms <= OUTLIER_NORM * norms.median()) & (vector_norm(x - b_dec, dim=1) > 0)
    probability = (losses.double() / losses.max()).square() * usable
    n_drawn = min(n, int((probability > 0).sum()))
    if n_drawn == 0:
        return x[:0]
    return x[torch.multinomial(probability.cpu(), n_drawn, generator=generator).to(x.device)]


@torch.no_grad()
def candidate_losses(x: Tensor, weights: Weights, loss: LossWeights, *, n_chunk: int = 1024) -> Tensor:
    """Give the current loss of every candidate.

    Args:
        x: [n_candidates, d_in].
        weights: The current weights.
        loss: What error and features count.
        n_chunk: Rows at a time.

    Returns:
        [n_candidates]
    """
    losses = []
    for rows in torch.split(x, n_chunk):
        features = weights.encode(rows)
        losses.append(row_losses(rows, weights.decode(features), features, loss))
    return torch.cat(losses)


@torch.no_grad()
def replant(weights: Weights, optimizer: Adam, *, features: Tensor, dead: Tensor, inputs: Tensor, scale: float) -> None:
    """Point features at inputs, in place, and let Adam forget them.

    Args:
        weights: The weights the optimizer holds.
        optimizer: Its moments of the touched rows are set to 0.
        features: int64 [k]: what to replant.
        dead: int64 [n]: all dead features; the others' encoder norms set the new ones.
        inputs: [k, d_in]: one input each.
        scale: Encoder norm of a replanted feature, in mean encoder norms of the alive ones.
    """
    directions = normalize(inputs - weights.b_dec, dim=1)
    norms = vector_norm(weights.encoder, dim=1)
    alive = torch.ones_like(norms, dtype=torch.bool)
    alive[dead] = False
    mean_norm = norms[alive].mean() if bool(alive.any()) else norms.mean()
    weights.encoder[features] = directions * (scale * mean_norm)
    weights.decoder[features] = directions
    weights.b_enc[features] = 0
    for weight in (weights.encoder, weights.decoder, weights.b_enc):
        for moment in ("exp_avg", "exp_avg_sq"):
            optimizer.state[weight][moment][features] = 0
