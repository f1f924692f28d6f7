"""Every architecture's loss as its paper has it, with gradients from autograd.

The reference that the hand-written steps are tested against, and the dense way for gated and jumprelu SAEs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sae.penalties import FrequencyPenalty
from sae.training._batch import Batch
from sae.training._weights import Weights
from sae.training.steps._activate import SELECTING_FROM_THE_BATCH, activate
from sae.training.steps._step import Objective, Step, chunk_rows, target_factor
from sae.training.steps._straight_through import count_above


@dataclass(frozen=True)
class _Forward:
    """What an architecture makes of some inputs; gradients flow."""

    features: Tensor
    """[rows, d_sae]"""
    error: Tensor
    """[rows, d_in]: of the reconstruction with all features."""
    other_error: Tensor
    """Scalar: squared error of the other reconstructions in the loss."""
    penalised: Tensor
    """[rows, d_sae]: what the penalty is taken of."""


def autograd_step(batch: Batch, weights: Weights, objective: Objective) -> Step:
    """Compute the gradients by differentiating the loss, a block of rows at a time where rows do not compete.

    Args:
        batch: Inputs and targets.
        weights: The current weights.
        objective: Architecture and loss.

    Returns:
        The gradients and counts.
    """
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in weights.named().items()}
    ours = replace(weights, **{"decoder": leaves["encoder"], **leaves})  # type: ignore[arg-type]
    whole, n = objective.architecture in SELECTING_FROM_THE_BATCH, len(batch)
    blocks = list(batch.split(n if whole else chunk_rows(batch.x, len(weights.encoder))))
    n_active = batch.x.new_zeros(len(weights.encoder))
    if objective.l0_target is not None or objective.frequency is not None:
        with torch.no_grad():  # the penalty of one input depends on all of them
            for rows in blocks:
                n_active += (_forward(rows, ours, objective).features > 0).sum(dim=0)
    if objective.frequency is not None:
        objective.frequency.observe(n_active, n)
    factor = target_factor(objective, n_active.sum(), n)[1]

    parts = []
    for rows in blocks:
        with torch.enable_grad():
            result = _forward(rows, ours, objective)
            errors = result.error.square().sum() + result.other_error
            by_count = objective.counts_features
            cost = factor * _count(rows.x, ours, objective) if by_count else _penalty(result, objective)
            total = (objective.loss.error * errors + objective.loss.l1 * cost) / n
            if objective.frequency is not None:
                total = total + _pull(result.penalised, objective.frequency, n)
            total.backward()  # type: ignore[no-untyped-call]
        parts.append(_measured(result, objective))
    error, squared_error, other_error, penalty, counts, smallest = (list(part) for part in zip(*parts, strict=True))
    penalty_sum = torch.stack(penalty).sum()
    return Step(
        {name: torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for name, leaf in leaves.items()},
        torch.cat(error),
        torch.stack(squared_error).sum(),
        target_factor(objective, penalty_sum, n)[0] if objective.counts_features else penalty_sum,
        torch.stack(counts).sum(dim=0),
        torch.stack(other_error).sum(),
        torch.stack(smallest).min(),
    )


def _measured(result: _Forward, objective: Objective) -> tuple[Tensor, ...]:
    f = result.features.detach()
    active = f > 0
    printed = active if objective.counts_features else objective.loss.reported(result.penalised.detach())
    return (
        result.error.detach(),
        result.error.detach().square().sum(),
        result.other_error.detach(),
        printed.sum().to(f.dtype),
        active.sum(dim=0).to(f.dtype),
        f.where(active, torch.inf).min(),
    )


def _forward(batch: Batch, weights: Weights, objective: Objective) -> _Forward:
    target, found = batch.target, activate(_encode(batch.x, weights, objective), weights, objective)
    features = found.features
    error = weights.b_dec + features @ weights.decoder - target
    others = [
        (weights.b_dec + features[:, :width] @ weights.decoder[:width] - target).square().sum()
        for width in objective.widths[:-1]
    ]
    if objective.architecture == "gated":  # Rajamanoharan et al. 2024, equation 8: the decoder is detached
        gate_error = weights.b_dec.detach() + found.penalised @ weights.decoder.detach() - target
        others.append(gate_error.square().sum())
    return _Forward(features, error, torch.stack(others).sum() if others else error.new_zeros(()), found.penalised)


def _encode(x: Tensor, weights: Weights, objective: Objective) -> Tensor:
    """Give the pre-activations [rows, d_sae]; gradients flow."""
    dtype = objective.encoder_dtype
    return (weights.centred(x).to(dtype) @ weights.encoder.T.to(dtype)).float() + weights.b_enc


def _penalty(result: _Forward, objective: Objective) -> Tensor:
    active = result.penalised[result.penalised > 0]
    penalty = objective.loss.penalty
    return active.sum() if penalty is None else penalty.value(active).sum()


def _pull(penalised: Tensor, frequency: FrequencyPenalty, n: int) -> Tensor:
    """Give a scalar whose gradient is the frequency penalty's, of a batch of n inputs that it has observed."""
    every = torch.arange(penalised.shape[1], device=penalised.device)
    return (frequency.slope(penalised.detach(), every, n) * penalised).sum()


def _count(x: Tensor, weights: Weights, objective: Objective) -> Tensor:
    assert weights.threshold is not None
    pre = _encode(x, weights, objective)
    return count_above(pre, weights.threshold, objective.bandwidth)
