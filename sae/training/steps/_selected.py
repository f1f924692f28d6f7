"""The k largest features, of each input (topk) or of the batch (batchtopk), for one or several nested reconstructions.

No penalty: the selection is what makes them few. Matryoshka's loss is the sum of the squared errors of nested prefixes
of the features; they are added group by group, so every feature is decoded once. With g_j the gradient of prefix j's
reconstruction, a feature of group i is in the prefixes from i on and sees ``G_i = sum of g_j over j >= i``.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from sae._sparse import true_positions
from sae.kernels import choose_kernels
from sae.training._batch import Batch
from sae.training._weights import Weights
from sae.training.steps._pairs import Pairs, collect, decode_pairs, find_pairs, reconstruct_pairs
from sae.training.steps._step import Objective, Step, sum_of_squares


@torch.no_grad()
def topk_step(batch: Batch, weights: Weights, objective: Objective) -> Step:
    """Compute the gradients with the k largest pre-activations of each input, as far as they are above 0.

    Args:
        batch: Inputs and targets.
        weights: The current weights.
        objective: With k.

    Returns:
        The gradients and counts.
    """
    select = partial(choose_kernels(batch.x.device).largest, k=objective.k)
    return _selected_step(batch, weights, objective, find_pairs(batch.x, weights, objective.encoder_dtype, select))


@torch.no_grad()
def batchtopk_step(batch: Batch, weights: Weights, objective: Objective) -> Step:
    """Compute the gradients with the n * k largest activations of the batch (Bussmann et al. 2024, arXiv:2412.06410).

    Args:
        batch: Inputs and targets.
        weights: The current weights.
        objective: With k, perhaps widths (arXiv:2503.17547), and the screen that saves most of the search.

    Returns:
        The gradients, counts and the smallest activation selected.
    """
    n_wanted = len(batch) * objective.k

    def above(bar: float) -> Pairs:
        select = partial(choose_kernels(batch.x.device).above, bar=bar)
        return find_pairs(batch.x, weights, objective.encoder_dtype, select)

    pairs = above(max(0.0, objective.screen))
    if len(pairs.pre) < n_wanted and objective.screen > 0:
        pairs = above(0.0)
    if len(pairs.pre) > n_wanted:
        largest = torch.topk(pairs.pre, n_wanted, sorted=False).indices
        pairs = pairs.keep(largest.sort().values)
    return _selected_step(batch, weights, objective, pairs)


def _selected_step(batch: Batch, weights: Weights, objective: Objective, pairs: Pairs) -> Step:
    x, factor = batch.x, 2 * objective.loss.error / len(batch)
    if len(objective.widths) > 1:
        errors, groups, dots = _nested(batch.target, weights, pairs, objective.widths)
    else:
        error, dots = reconstruct_pairs(pairs, pairs.pre, weights, batch.target)
        errors, groups = [error], [(len(weights.encoder), error)]
    d_pre = dots.mul_(factor)
    gradients, counts = collect(pairs, x, weights, f=pairs.pre, d_pre=d_pre, groups=groups, factor=factor)
    sums = [sum_of_squares(one) for one in errors]
    return Step(
        gradients,
        errors[-1],
        squared_error=sums[-1],
        penalty=x.new_zeros(()),
        counts=counts,
        other_error=torch.stack(sums[:-1]).sum() if len(sums) > 1 else None,
        smallest=pairs.pre.min() if len(pairs.pre) else x.new_zeros(()),
    )


def _nested(
    target: Tensor, weights: Weights, pairs: Pairs, widths: tuple[int, ...]
) -> tuple[list[Tensor], list[tuple[int, Tensor]], Tensor]:
    """Give each prefix's error [n, d_in], ``collect``'s groups, and what each pair's decoder row has of G_i: [nnz]."""
    errors: list[Tensor] = []
    places, group_dots = [], []
    for low, high in zip((0, *widths[:-1]), widths, strict=True):
        place = true_positions((pairs.feature >= low) & (pairs.feature < high))
        group = pairs.keep(place)
        decoded, dots_with = decode_pairs(group, group.pre, weights.decoder)
        errors.append(decoded.add_(errors[-1]) if errors else decoded.add_(weights.b_dec).sub_(target))
        places.append(place)
        group_dots.append(dots_with)
    dots = torch.empty_like(pairs.pre)
    groups: list[tuple[int, Tensor]] = []
    for high, error, place, dots_with in reversed(list(zip(widths, errors, places, group_dots, strict=True))):
        seen = error + groups[0][1] if groups else error
        dots[place] = dots_with(seen)
        groups.insert(0, (high, seen))
    return errors, groups, dots
