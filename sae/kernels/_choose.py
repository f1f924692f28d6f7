"""What a set of kernels offers, and which one a device gets."""

from __future__ import annotations

import functools
import importlib.util
from typing import Protocol

import torch
from torch import Tensor


class Kernels(Protocol):
    """Four operations on tensors of one device; numbers are float32, indices int64."""

    def largest(self, block: Tensor, k: int) -> Tensor:
        """Find the k largest of each row, as far as they are above 0; of equal ones the first.

        Args:
            block: [n, m], contiguous.
            k: At least 1.

        Returns:
            int64 [at most n * k]: positions in the flattened block, ascending.
        """

    def order_by(self, index: Tensor, m: int) -> tuple[Tensor, Tensor]:
        """Sort stably.

        Args:
            index: [nnz], below m.
            m: How many values there are.

        Returns:
            int64 [nnz]: the positions in order of their index; int64 [m + 1]: where each value's positions begin, and
            the end.
        """

    def weighted_rows(self, index: Tensor, table: Tensor, ends: Tensor, weight: Tensor) -> Tensor:
        """Sum ``weight * table[index]`` over each bag ``ends[i]:ends[i + 1]``.

        Args:
            index: [nnz]: rows of the table.
            table: [rows, d].
            ends: [bags + 1].
            weight: [nnz].

        Returns:
            [bags, d]
        """

    def dots(self, index: Tensor, table: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
        """Multiply every pair's table row with the row of its bag.

        Args:
            index: [nnz]: rows of the table.
            table: [rows, d].
            ends: [bags + 1].
            rows: [bags, d].

        Returns:
            [nnz]: dot products.
        """


def choose_kernels(device: torch.device) -> Kernels:
    """The fastest kernels for a device: numba's on a CPU where numba is installed, else those of plain torch."""
    return _numba() if device.type == "cpu" and importlib.util.find_spec("numba") else _torch()


@functools.cache
def _numba() -> Kernels:
    from sae.kernels._numba import NumbaKernels

    return NumbaKernels()


@functools.cache
def _torch() -> Kernels:
    from sae.kernels._torch import TorchKernels

    return TorchKernels()
