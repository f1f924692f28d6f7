"""Every architecture's loss as its paper has it, with gradients from autograd.

The reference that the hand-written steps are tested against, and the dense way for gated and jumprelu SAEs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sae.training._batch import Batch
from sae.training._weights import Weights
from sae.training.steps._step import Objective, Step, chunk_rows, target_factor
from sae.training.steps._straight_through import count_above, jump

SELECTING_FROM_THE_BATCH = ("batchtopk", "matryoshka")


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
        objective: Architecture and loss; a frequency penalty is not looked at.

    Returns:
        The gradients and counts.
    """
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in weights.named().items()}
    ours = replace(weights, **{"decoder": leaves["encoder"], **leaves})  # type: ignore[arg-type]
    whole, n = objective.architecture in SELECTING_FROM_THE_BATCH, len(batch)
    blocks = list(batch.split(n if whole else chunk_rows(batch.x, len(weights.encoder))))
    n_active = batch.x.new_zeros(())
    if objective.l0_target is not None:  # the penalty of one input depends on all of them
        with torch.no_grad():
            for rows in blocks:
                n_active += (_forward(rows, ours, objective).features > 0).sum()
    factor = target_factor(objective, n_active, n)[1]

    parts = []
    for rows in blocks:
        with torch.enable_grad():
            result = _forward(rows, ours, objective)
            errors = result.error.square().sum() + result.other_error
            by_count = objective.counts_features
            cost = factor * _count(rows.x, ours, objective) if by_count else _penalty(result, objective)
            ((objective.loss.error * errors + objective.loss.l1 * cost) / n).backward()  # type: ignore[no-untyped-call]
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
    pre, target = _encode(batch.x, weights, objective), batch.target
    none = pre.new_zeros(())
    if objective.architecture == "gated":
        return _gated(target, pre, weights)
    if objective.architecture == "jumprelu":
        assert weights.threshold is not None
        features = jump(pre, weights.threshold, objective.bandwidth)
    elif objective.architecture == "topk":
        chosen = torch.topk(pre, objective.k, dim=1)
        features = torch.zeros_like(pre).scatter(1, chosen.indices, chosen.values.relu())
    elif objective.architecture in SELECTING_FROM_THE_BATCH:
        chosen = torch.topk(pre.relu().flatten(), objective.k * len(batch))
        features = torch.zeros_like(pre).flatten().scatter(0, chosen.indices, chosen.values).view_as(pre)
    else:
        features = pre.relu()
    nested = [
        (weights.b_dec + features[:, :width] @ weights.decoder[:width] - target).square().sum()
        for width in objective.widths[:-1]
    ]
    error = weights.b_dec + features @ weights.decoder - target
    penalised = objective.loss.penalised(features, weights.decoder)
    return _Forward(features, error, torch.stack(nested).sum() if nested else none, penalised)


def _encode(x: Tensor, weights: Weights, objective: Objective) -> Tensor:
    """Give the pre-activations [rows, d_sae]; gradients flow."""
    dtype = objective.encoder_dtype
    return (weights.centred(x).to(dtype) @ weights.encoder.T.to(dtype)).float() + weights.b_enc


def _gated(target: Tensor, gate: Tensor, weights: Weights) -> _Forward:
    """Rajamanoharan et al. 2024, equations 6 and 8; the decoder is detached in the gate's own reconstruction."""
    assert weights.r_mag is not None
    assert weights.b_mag is not None
    magnitude = ((gate - weights.b_enc) * weights.r_mag.exp() + weights.b_mag).relu()
    features = (gate > 0) * magnitude
    open_gate = gate.relu()
    gate_error = weights.b_dec.detach() + open_gate @ weights.decoder.detach() - target
    error = weights.b_dec + features @ weights.decoder - target
    return _Forward(features, error, gate_error.square().sum(), open_gate)


def _penalty(result: _Forward, objective: Objective) -> Tensor:
    active = result.penalised[result.penalised > 0]
    penalty = objective.loss.penalty
    return active.sum() if penalty is None else penalty.value(active).sum()


def _count(x: Tensor, weights: Weights, objective: Objective) -> Tensor:
    assert weights.threshold is not None
    pre = _encode(x, weights, objective)
    return count_above(pre, weights.threshold, objective.bandwidth)
