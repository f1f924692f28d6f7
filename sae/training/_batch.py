"""What one step of a training sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Inputs, and what is to be made of each."""

    x: Tensor
    """[n, d_in]: what the encoder reads."""
    own_target: Tensor | None = None
    """[n, d_in]: what is to be reconstructed; None where that is ``x`` itself."""

    @property
    def target(self) -> Tensor:
        """[n, d_in]: what is to be reconstructed."""
        return self.x if self.own_target is None else self.own_target

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, which: slice | Tensor) -> Batch:
        """Give some of the inputs, by a slice or as int64 [m]."""
        return Batch(self.x[which], None if self.own_target is None else self.own_target[which])

    def split(self, n: int) -> Iterator[Batch]:
        """Give ``n`` inputs after the other, the rest last."""
        for start in range(0, len(self), n):
            yield self.rows(slice(start, start + n))

    def clone(self) -> Batch:
        """Copy the tensors."""
        return Batch(self.x.clone(), None if self.own_target is None else self.own_target.clone())

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Batch:
        """Bring the tensors to a device and a dtype."""
        return Batch(self.x.to(device, dtype), None if self.own_target is None else self.own_target.to(device, dtype))

    def scaled(self, x: float, target: float | None) -> Batch:
        """Multiply the inputs, and the targets where they are others; what is multiplied with 1 is not copied."""
        own = self.own_target
        own = own if own is None or target is None or target == 1 else own * target
        return Batch(self.x if x == 1 else self.x * x, own)

    @classmethod
    def join(cls, batches: Sequence[Batch]) -> Batch:
        """Put batches of one kind, at least one, behind each other."""
        own = [one.own_target for one in batches if one.own_target is not None]
        return cls(torch.cat([one.x for one in batches]), torch.cat(own) if own else None)
