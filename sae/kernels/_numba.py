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

from sae.kernels._row_updates import RowSums

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
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

    def above(self, block: Tensor, bar: float) -> Tensor:
        """See ``Kernels.above``."""
        from sae.kernels._numba_select import above

        return above(block, bar)

    def largest(self, block: Tensor, k: int) -> Tensor:
        """See ``Kernels.largest``."""
        from sae.kernels._numba_select import largest

        return largest(block, k)

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

    def errors(self, sums: RowSums, offset: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """See ``Kernels.errors``."""
        set_num_threads(torch.get_num_threads())
        error, products = torch.empty_like(wanted), torch.empty_like(sums.weight)
        pairs = sums.index, sums.table, sums.ends, sums.weight
        _errors(*(tensor.numpy() for tensor in (*pairs, offset, wanted, error, products)))
        return error, products

    def dots(self, index: Tensor, table: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
        """See ``Kernels.dots``."""
        set_num_threads(torch.get_num_threads())
        products = table.new_empty(len(index))
        _dots(index.numpy(), table.detach().numpy(), ends.numpy(), rows.numpy(), products.numpy())
        return products


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


@compiled(fastmath=True)
def add_rows(total: F32, index: I64, table: F32, weight: F32) -> None:
    """Add a bag's weighted rows to ``total`` [d], four at a time: it is read and written a quarter as often."""
    whole = index.size - index.size % 4
    for p in range(0, whole, 4):
        a, b, c, d = table[index[p]], table[index[p + 1]], table[index[p + 2]], table[index[p + 3]]
        wa, wb, wc, wd = weight[p], weight[p + 1], weight[p + 2], weight[p + 3]
        for j in range(total.size):
            total[j] += wa * a[j] + wb * b[j] + wc * c[j] + wd * d[j]
    for p in range(whole, index.size):
        row, w = table[index[p]], weight[p]
        for j in range(total.size):
            total[j] += w * row[j]


@compiled(parallel=True, fastmath=True)
def _weighted_rows(index: I64, table: F32, ends: I64, weight: F32, sums: F32) -> None:
    for bag in prange(ends.size - 1):
        first, last = ends[bag], ends[bag + 1]
        sums[bag] = 0
        add_rows(sums[bag], index[first:last], table, weight[first:last])


@compiled(fastmath=True)
def _multiply(row: F32, index: I64, table: F32, products: F32) -> None:
    for p in range(index.size):
        other, total = table[index[p]], np.float32(0)
        for j in range(row.size):
            total += row[j] * other[j]
        products[p] = total


@compiled()
def _compare(total: F32, offset: F32, wanted: F32) -> None:
    for j in range(total.size):
        total[j] = (total[j] + offset[j]) - wanted[j]


@compiled(parallel=True, fastmath=True)
def _errors(
    index: I64, table: F32, ends: I64, weight: F32, offset: F32, wanted: F32, error: F32, products: F32
) -> None:
    """The rows that a bag is summed from are still near when its error is multiplied with them."""
    for bag in prange(ends.size - 1):
        first, last = ends[bag], ends[bag + 1]
        error[bag] = 0
        add_rows(error[bag], index[first:last], table, weight[first:last])
        _compare(error[bag], offset, wanted[bag])
        _multiply(error[bag], index[first:last], table, products[first:last])


@compiled(parallel=True, fastmath=True)
def _dots(index: I64, table: F32, ends: I64, rows: F32, products: F32) -> None:
    for bag in prange(ends.size - 1):
        first, last = ends[bag], ends[bag + 1]
        _multiply(rows[bag], index[first:last], table, products[first:last])
