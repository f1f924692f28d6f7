"""Kernels of plain torch: for every device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from sae._sparse import true_positions
from sae.kernels._row_updates import RowSums


class TorchKernels:
    """Sums of rows by ``embedding_bag``, dot products by its gradient. See ``Kernels``."""

    def above(self, block: Tensor, bar: float) -> Tensor:
        """See ``Kernels.above``."""
        return true_positions(block > bar)

    def largest(self, block: Tensor, k: int) -> Tensor:
        """See ``Kernels.largest``."""
        k = min(k, block.shape[1])
        value, index = block.topk(k, dim=1)
        last = value[:, -1:]
        tied = (block == last).sum(dim=1) > (value == last).sum(dim=1)  # [n]: topk chose among equal ones
        if bool(tied.any()):
            index[tied] = block[tied].sort(dim=1, descending=True, stable=True).indices[:, :k]
        index = index.sort(dim=1).values
        flat = (index + torch.arange(len(block), device=block.device)[:, None] * block.shape[1]).view(-1)
        return flat[block.view(-1)[flat] > 0]

    def order_by(self, index: Tensor, m: int) -> tuple[Tensor, Tensor]:
        """See ``Kernels.order_by``."""
        counts = torch.bincount(index, minlength=m)
        return torch.argsort(index, stable=True), torch.cat([counts.new_zeros(1), counts.cumsum(0)])

    def weighted_rows(self, index: Tensor, table: Tensor, ends: Tensor, weight: Tensor) -> Tensor:
        """See ``Kernels.weighted_rows``."""
        return embedding_bag(index, table, ends, per_sample_weights=weight, mode="sum", include_last_offset=True)

    def errors(self, sums: RowSums, offset: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """See ``Kernels.errors``."""
        pairs = sums.index, sums.table, sums.ends
        error = self.weighted_rows(*pairs, sums.weight).add_(offset).sub_(wanted)
        return error, self.dots(*pairs, error)

    def dots(self, index: Tensor, table: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
        """See ``Kernels.dots``."""
        with torch.enable_grad():
            weight = table.new_zeros(len(index)).requires_grad_()
            summed = self.weighted_rows(index, table.detach(), ends, weight)
        return torch.autograd.grad(summed, weight, rows)[0]
