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
from sae.training.steps._pairs import Pairs, collect, decode_pairs, find_pairs
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
    return _nested_step(batch, weights, objective, find_pairs(batch.x, weights, objective.encoder_dtype, select))


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
        return find_pairs(batch.x, weights, objective.encoder_dtype, lambda block: true_positions(block > bar))

    pairs = above(max(0.0, objective.screen))
    if len(pairs.pre) < n_wanted and objective.screen > 0:
        pairs = above(0.0)
    if len(pairs.pre) > n_wanted:
        largest = torch.topk(pairs.pre, n_wanted, sorted=False).indices
        pairs = pairs.keep(largest.sort().values)
    return _nested_step(batch, weights, objective, pairs)


def _nested_step(batch: Batch, weights: Weights, objective: Objective, pairs: Pairs) -> Step:
    x, factor, d_sae = batch.x, 2 * objective.loss.error / len(batch), len(weights.encoder)
    widths = objective.widths or (d_sae,)
    errors: list[Tensor] = []  # of each prefix
    places, dots = [], []
    for low, high in zip((0, *widths[:-1]), widths, strict=True):
        inside = (pairs.feature >= low) & (pairs.feature < high)
        place = slice(None) if len(widths) == 1 else true_positions(inside)
        group = pairs if isinstance(place, slice) else pairs.keep(place)
        decoded, group_dots = decode_pairs(group, group.pre, weights.decoder)
        errors.append(decoded.add_(errors[-1]) if errors else decoded.add_(weights.b_dec).sub_(batch.target))
        places.append(place)
        dots.append(group_dots)

    d_pre = torch.empty_like(pairs.pre)
    groups: list[tuple[int, Tensor]] = []
    for high, prefix_error, place, group_dots in reversed(list(zip(widths, errors, places, dots, strict=True))):
        seen = prefix_error + groups[0][1] if groups else prefix_error
        d_pre[place] = group_dots(seen) * factor
        groups.insert(0, (high, seen))
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
