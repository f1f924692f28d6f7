"""From gradients to new weights: a limit on their norm, Adam, unit rows."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.linalg import vector_norm
from torch.optim import Adam

from sae.kernels import KeptRows, RowAdam, RowSums, row_norms, update_rows, updates_rows
from sae.training._weights import Weights, remove_parallel_, unit_rows_
from sae.training.steps import Gradient, stored


@torch.no_grad()
def update(
    weights: Weights,
    gradients: Mapping[str, Gradient],
    optimizer: Adam,
    *,
    lr: float,
    unit_norm: bool,
    clip: float | None,
) -> None:
    """Take one step of Adam, in place.

    Gradients that are given as sums are not stored where the device can do without, for they would need as much memory
    as the weights: their rows are summed once for the norm of the whole gradient, and once more for Adam. Only the rows
    with the longest sums, where most of the work is, are kept in between.

    Args:
        weights: Changed.
        gradients: By the names of ``Weights.named``; changed.
        optimizer: Of ``weights.tensors()``; keeps the moments of all of them.
        lr: The learning rate.
        unit_norm: Decoder rows have norm 1 and keep it; the part of their gradient along them is left out.
        clip: The largest norm of the whole gradient; None for no limit.
    """
    named, decoder = weights.named(), "encoder" if weights.tied else "decoder"
    by_rows = updates_rows(weights.b_dec.device)
    sums = {name: one for name, one in gradients.items() if isinstance(one, RowSums) and by_rows}
    whole = {name: stored(one) for name, one in gradients.items() if name not in sums}
    unit_name = decoder if unit_norm else None
    if unit_name in whole:
        remove_parallel_(whole[unit_name], weights.decoder)
    scale = torch.ones(())
    kept: dict[str, KeptRows] = {}
    if clip is not None:
        norms = [vector_norm(one) for one in whole.values()]
        kept = {name: KeptRows.of(one) for name, one in sums.items()}
        for name, one in sums.items():
            unit = weights.decoder if name == unit_name else None
            norms.append(vector_norm(row_norms(one, unit=unit, kept=kept[name])))
        scale = (clip / (vector_norm(torch.stack(norms)) + 1e-6)).clamp(max=1)
    for group in optimizer.param_groups:
        group["lr"] = lr
    for name, one in sums.items():
        update_rows(
            one, _advanced(optimizer, named[name]), scale=float(scale), unit=name == unit_name, kept=kept.get(name)
        )
    for name, weight in named.items():
        weight.grad = whole[name].mul_(scale) if name in whole else None
    optimizer.step()
    if unit_name in whole:
        unit_rows_(weights.decoder)
    if weights.threshold is not None:
        weights.threshold.clamp_(min=0)


def _advanced(optimizer: Adam, weight: Tensor) -> RowAdam:
    """Count a step of one weight, as the optimizer does; make the moments before the first."""
    state, group = optimizer.state[weight], optimizer.param_groups[0]
    if not state:
        state |= {"step": torch.zeros(()), "exp_avg": torch.zeros_like(weight), "exp_avg_sq": torch.zeros_like(weight)}
    state["step"] += 1
    return RowAdam(
        weight,
        state["exp_avg"],
        state["exp_avg_sq"],
        n_steps=int(state["step"]),
        lr=group["lr"],
        betas=group["betas"],
        eps=group["eps"],
    )
