"""Adam on rows whose gradients are sums over pairs, without ever storing a gradient."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RowSums:
    """A matrix [bags, d] that is not stored: row i sums ``weight * (table[index] - shift)`` over its bag."""

    index: Tensor
    """int64 [nnz]: rows of the table."""
    table: Tensor
    """[rows, d]"""
    ends: Tensor
    """int64 [bags + 1]: the bag of row i is ``ends[i]:ends[i + 1]``."""
    weight: Tensor
    """[nnz]"""
    shift: Tensor | None = None
    """[d]; None for 0."""


@dataclass(frozen=True)
class RowAdam:
    """A matrix that Adam changes, and one step's constants."""

    weight: Tensor
    """[bags, d]"""
    mean: Tensor
    """[bags, d]: the running mean of gradients."""
    square: Tensor
    """[bags, d]: the running mean of their squares."""
    n_steps: int
    """How many gradients the means will hold, with the present one."""
    lr: float
    """The learning rate."""
    betas: tuple[float, float]
    """The decay rates of the means."""
    eps: float
    """Added to the root of the mean square."""


KEPT_BYTES = 5 * 2**20
"""What rows that were summed once may take, of one gradient."""


@dataclass(frozen=True)
class KeptRows:
    """The rows of a gradient that are sums over most pairs: summed once for their norms, and there for Adam."""

    slot: Tensor
    """int64 [bags]: which row holds it; -1 for those that are summed again."""
    rows: Tensor
    """[n, d], filled by ``row_norms``."""

    @classmethod
    def of(cls, gradient: RowSums) -> KeptRows:
        """Room for the longest sums of a gradient."""
        d = gradient.table.shape[1]
        lengths = gradient.ends.diff()
        n = min(len(lengths), KEPT_BYTES // (d * gradient.table.element_size()))
        slot = torch.full_like(lengths, -1)
        slot[lengths.topk(n).indices] = torch.arange(n)
        return cls(slot, gradient.table.new_empty(n, d))


def updates_rows(device: torch.device) -> bool:
    """Whether ``row_norms`` and ``update_rows`` run on a device: on a CPU, where numba is installed."""
    return device.type == "cpu" and importlib.util.find_spec("numba") is not None


def row_norms(gradient: RowSums, *, unit: Tensor | None = None, kept: KeptRows | None = None) -> Tensor:
    """Give the norm of every row of a gradient.

    Args:
        gradient: [bags, d].
        unit: [bags, d], unit rows: the part of each gradient row along its own does not count.
        kept: Takes the rows that it has room for, without that part.

    Returns:
        [bags]
    """
    from sae.kernels._numba_updates import row_norms as compiled

    return compiled(gradient, unit, kept)


def update_rows(
    gradient: RowSums, adam: RowAdam, *, scale: float = 1.0, unit: bool = False, kept: KeptRows | None = None
) -> None:
    """Take a step of Adam, in place.

    Args:
        gradient: [bags, d].
        adam: Its tensors are changed.
        scale: What the gradient is multiplied with.
        unit: Rows have norm 1 and keep it: the part of the gradient along them is left out.
        kept: As ``row_norms`` filled it, given the same ``unit``; used up.
    """
    from sae.kernels._numba_updates import update_rows as compiled

    compiled(gradient, adam, scale, unit, kept)
