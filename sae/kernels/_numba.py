"""Kernels compiled by numba, for CPUs: each bag is summed by one thread, in order.

The results thus do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numba import njit, prange, set_num_threads
from numpy.typing import NDArray
from torch import Tensor

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(*, parallel: bool = False, fastmath: bool = False) -> Callable[[Function], Function]:
    """Compile once and for all; where no cache can be written, once a process."""

    def compile_it(function: Function) -> Function:
        try:
            return cast("Function", njit(cache=True, parallel=parallel, fastmath=fastmath)(function))
        except RuntimeError:
            return cast("Function", njit(parallel=parallel, fastmath=fastmath)(function))

    return compile_it


class NumbaKernels:
    """One pass over the bags each. See ``Kernels``."""

    def largest(self, block: Tensor, k: int) -> Tensor:
        """See ``Kernels.largest``."""
        set_num_threads(torch.get_num_threads())
        values = block.float().numpy()
        n, k = len(values), min(k, values.shape[1])
        flat, found = np.empty((n, k), np.int64), np.empty(n, np.int64)
        _largest(values, k, flat, found)
        return torch.from_numpy(flat[np.arange(k) < found[:, None]])

    def order_by(self, index: Tensor, m: int) -> tuple[Tensor, Tensor]:
        """See ``Kernels.order_by``."""
        order, ends = _order_by(index.numpy(), m)
        return torch.from_numpy(order), torch.from_numpy(ends)

    def weighted_rows(self, index: Tensor, table: Tensor, ends: Tensor, weight: Tensor) -> Tensor:
        """See ``Kernels.weighted_rows``."""
        set_num_threads(torch.get_num_threads())
        sums = table.new_empty(len(ends) - 1, table.shape[1])
        _weighted_rows(index.numpy(), table.detach().numpy(), ends.numpy(), weight.detach().numpy(), sums.numpy())
        return sums

    def dots(self, index: Tensor, table: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
        """See ``Kernels.dots``."""
        set_num_threads(torch.get_num_threads())
        products = table.new_empty(len(index))
        _dots(index.numpy(), table.detach().numpy(), ends.numpy(), rows.numpy(), products.numpy())
        return products


@compiled()
def _keep_largest(held: F32, where: I64, count: int, k: int) -> np.float32:
    """Move the k largest of the first ``count`` to the front, in their order; of equal ones the first. Their least."""
    least: np.float32 = np.partition(held[:count], count - k)[count - k]
    room = k
    for i in range(count):
        room -= held[i] > least
    kept = 0
    for i in range(count):
        if held[i] > least or (held[i] == least and room > 0):
            room -= held[i] == least
            held[kept], where[kept] = held[i], where[i]
            kept += 1
    return least


@compiled(parallel=True)
def _largest(block: F32, k: int, flat: I64, found: I64) -> None:
    """A buffer of twice k, cut back to the k largest whenever it is full; the rest is below their least."""
    m = block.shape[1]
    for r in prange(block.shape[0]):
        held, where = np.empty(2 * k, np.float32), np.empty(2 * k, np.int64)
        count, bar = 0, np.float32(0)
        for j in range(m):
            if block[r, j] > bar:
                held[count] = block[r, j]
                where[count] = j
                count += 1
                if count == 2 * k:
                    bar = _keep_largest(held, where, count, k)
                    count = k
        if count > k:
            _keep_largest(held, where, count, k)
            count = k
        found[r] = count
        for i in range(count):
            flat[r, i] = r * m + where[i]


@compiled()
def _order_by(index: I64, m: int) -> tuple[I64, I64]:
    """A counting sort."""
    ends = np.zeros(m + 1, np.int64)
    for p in range(index.size):
        ends[index[p] + 1] += 1
    for j in range(m):
        ends[j + 1] += ends[j]
    free = ends[:-1].copy()
    order = np.empty(index.size, np.int64)
    for p in range(index.size):
        order[free[index[p]]] = p
        free[index[p]] += 1
    return order, ends


@compiled(parallel=True, fastmath=True)
def _weighted_rows(index: I64, table: F32, ends: I64, weight: F32, sums: F32) -> None:
    d = table.shape[1]
    for bag in prange(ends.size - 1):
        total = np.zeros(d, np.float32)
        for p in range(ends[bag], ends[bag + 1]):
            row, w = index[p], weight[p]
            for c in range(d):
                total[c] += w * table[row, c]
        sums[bag] = total


@compiled(parallel=True, fastmath=True)
def _dots(index: I64, table: F32, ends: I64, rows: F32, products: F32) -> None:
    d = table.shape[1]
    for bag in prange(ends.size - 1):
        for p in range(ends[bag], ends[bag + 1]):
            row, total = index[p], np.float32(0)
            for c in range(d):
                total += rows[bag, c] * table[row, c]
            products[p] = total
