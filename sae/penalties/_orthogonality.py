"""How far decoder directions are from being at right angles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from sae._errors import SAEError

OrthogonalityKind = Literal["mean", "mean_max", "max"]
ORTHOGONALITY_KINDS: tuple[str, ...] = ("mean", "mean_max", "max")


def decoder_orthogonality(W_dec: Tensor, kind: OrthogonalityKind, *, chunk: int = 1024) -> Tensor:
    """Measure how much decoder directions resemble each other, by |cos| of pairs of different rows.

    As a penalty it keeps a feature for "A and B" from growing beside the features for A and for B. The three kinds are
    those Bussmann tried as a sum (comment on Till, LessWrong, 22 February 2024); OrtSAE (arXiv 2509.22033) is near
    ``mean_max`` over random groups, and so at a linear cost: pass a random subset of rows for that. Row norms do not
    matter, and gradients have no part along their row. Exact copies are a stationary point: nothing tells them apart.

    Time is two products of [d_sae, d_in] with its transpose for ``mean``, one for the others, which is as much as
    encoding d_sae inputs. Memory is [chunk, d_sae], with gradients too. Gradients are of the first order only.

    Args:
        W_dec: [d_sae, d_in], at least two rows; a zero row is orthogonal to everything.
        kind: ``mean`` of all pairs; ``mean_max``, each row's nearest, averaged; ``max``, the nearest pair.
        chunk: Rows compared with all others at once.

    Returns:
        A scalar from 0 to 1; gradients flow.

    Raises:
        SAEError: An unknown kind, fewer than two rows, or chunk is below 1.
    """
    if kind not in ORTHOGONALITY_KINDS:
        raise SAEError(f"kind must be one of {', '.join(ORTHOGONALITY_KINDS)}, found {kind!r}")
    if W_dec.ndim != 2 or len(W_dec) < 2 or chunk < 1:
        raise SAEError(f"need [d_sae >= 2, d_in] and chunk >= 1, found {list(W_dec.shape)} and chunk={chunk}")
    unit = normalize(W_dec, dim=1)
    if kind == "mean":
        return _mean(unit, chunk)
    nearest = _nearest(unit, chunk)  # [d_sae]
    return nearest.mean() if kind == "mean_max" else nearest.max()


def _mean(unit: Tensor, chunk: int) -> Tensor:
    # sum |u_i . u_j| = sum_i u_i . pull_i with pull_i = sum_j sign(u_i . u_j) u_j; its gradient is 2 pull.
    blocks = []
    for start, cosines in _cosines(unit, chunk):
        cosines.sign_().diagonal(offset=start).zero_()
        blocks.append(cosines @ unit.detach())
    total = (unit * torch.cat(blocks)).sum()
    return (2 * total - total.detach()) / (len(unit) * (len(unit) - 1))


def _nearest(unit: Tensor, chunk: int) -> Tensor:
    blocks = []
    for start, cosines in _cosines(unit, chunk):
        cosines.abs_().diagonal(offset=start).fill_(-1)
        blocks.append(cosines.argmax(dim=1))
    return (unit * unit[torch.cat(blocks)]).sum(dim=1).abs()


@torch.no_grad()
def _cosines(unit: Tensor, chunk: int) -> Iterator[tuple[int, Tensor]]:
    """Compare blocks of rows with all rows: the first row of each and [chunk, d_sae]."""
    for start in range(0, len(unit), chunk):
        yield start, unit[start : start + chunk] @ unit.T
