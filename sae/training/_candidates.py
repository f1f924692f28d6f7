"""How badly each of the inputs is reconstructed that dead features may be pointed at."""

from __future__ import annotations

import torch
from torch import Tensor

from sae.training._batch import Batch
from sae.training._weights import Weights
from sae.training.steps import Objective, activate, target_factor


@torch.no_grad()
def candidate_losses(candidates: Batch, weights: Weights, objective: Objective, *, n_chunk: int = 1024) -> Tensor:
    """Give the current loss of every candidate: squared error plus penalty.

    Args:
        candidates: Inputs and targets.
        weights: The current weights.
        objective: The architecture, and what error and features count. Nested reconstructions and a gate's own are left
            out; L0's target is taken as one for each input.
        n_chunk: Inputs at a time; where the largest activations of a batch are selected, they are its batch.

    Returns:
        [n_candidates]
    """
    loss, losses = objective.loss, []
    for batch in candidates.split(n_chunk):
        pre = torch.addmm(weights.encoder_bias(), batch.x, weights.encoder.T)
        found = activate(pre, weights, objective)
        if objective.counts_features:
            penalty = target_factor(objective, (found.features > 0).sum(dim=1).to(pre.dtype), 1)[0]
        else:
            penalty = loss.reported(found.penalised).sum(dim=1)
        squared_error = (weights.decode(found.features) - batch.target).square().sum(dim=1)
        losses.append(loss.error * squared_error + loss.l1 * penalty)
    return torch.cat(losses)
