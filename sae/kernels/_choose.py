"""What a set of kernels offers, and which one a device gets."""

from __future__ import annotations

import functools
import importlib.util
import warnings
from typing import Protocol

import torch
from torch import Tensor

from sae.kernels._row_updates import RowSums
from sae.kernels._torch import TorchKernels


class Kernels(Protocol):
    """Six operations on tensors of one device; numbers are float32, of blocks of any length, and indices int64."""

    def above(self, block: Tensor, bar: float) -> Tensor:
        """Find what is above a bar.

        Args:
            block: [n, m], contiguous.
            bar: At least 0; rounded to the block's type.

        Returns:
            int64 [found]: positions in the flattened block, ascending.
        """

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

    def errors(self, sums: RowSums, offset: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Sum as ``weighted_rows`` does, compare with what was wanted, and multiply the difference as ``dots`` does.

        Args:
            sums: [bags, d], without a shift.
            offset: [d]: added to each sum.
            wanted: [bags, d].

        Returns:
            [bags, d]: sums and offset minus ``wanted``; [nnz]: its dot products with the rows of the pairs.
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
    """The fastest kernels for a device.

    Args:
        device: Where the tensors are.

    Returns:
        Numba's on a CPU and Triton's on a GPU, where these are installed; else those of plain torch.
    """
    return _for_type(device.type)


@functools.cache
def _for_type(device_type: str) -> Kernels:
    if device_type == "cpu" and importlib.util.find_spec("numba"):
        from sae.kernels._numba import NumbaKernels

        return NumbaKernels()
    if device_type == "cuda" and importlib.util.find_spec("triton"):
        return _triton_if_it_runs(device_type)
    return TorchKernels()


def _triton_if_it_runs(device_type: str) -> Kernels:
    """Sum one row to see: to launch anything, Triton needs a C compiler and Python's headers."""
    one = torch.ones(1, 1, device=device_type)
    index, ends = torch.tensor([0], device=device_type), torch.tensor([0, 1], device=device_type)
    try:
        from sae.kernels._triton import TritonKernels

        kernels = TritonKernels()
        kernels.weighted_rows(index, one, ends, one[0])
    except Exception as error:  # of a compiler's subprocess, a driver, an import: torch can do without any of them
        warnings.warn(f"Triton does not run here, so plain torch computes instead: {error}", stacklevel=2)
        return TorchKernels()
    return kernels
