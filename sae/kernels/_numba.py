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
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

ROWS = 128
"""Rows that are searched at once."""
SPAN = 32
"""Neighbours in a row whose maximum is found first."""
LEAST = np.float32(1e-45)
"""The smallest number above 0."""

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
        n, m = block.shape
        k = min(k, m)
        flat, found = np.empty((n, k), np.int64), np.empty(n, np.int64)
        for start in range(0, n, ROWS):  # what is not float32 is copied, a few rows at a time
            part = slice(start, start + ROWS)
            _largest(block[part].float().numpy(), k, flat[part], found[part])
        flat += np.arange(0, n * m, m)[:, None]
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
def _keep_largest(held: F32, where: I32, k: int) -> None:
    """Move the places of the k largest to the front, in their order; of equal ones the first."""
    least: np.float32 = np.partition(held, held.size - k)[held.size - k]
    room = k
    for i in range(held.size):
        room -= held[i] > least
    kept = 0
    for i in range(held.size):
        if held[i] > least or (held[i] == least and room > 0):
            room -= held[i] == least
            where[kept] = where[i]
            kept += 1


@compiled(parallel=True, fastmath=True)
def _largest(block: F32, k: int, places: I64, found: I64) -> None:
    """Cut each row into spans: the k-th largest of their maxima is a bar that few but the k largest reach."""
    m = block.shape[1]
    n_spans = m // SPAN
    for r in prange(block.shape[0]):
        row, tops = block[r], np.zeros(n_spans, np.float32)
        for s in range(n_spans):
            span, top = row[s * SPAN : (s + 1) * SPAN], np.float32(0)
            for j in range(SPAN):
                top = max(top, span[j])
            tops[s] = top
        bar = max(np.partition(tops, n_spans - k)[n_spans - k], LEAST) if n_spans > k else LEAST
        where, count = np.empty(m + 1, np.int32), 0
        for s in range(n_spans):
            if tops[s] >= bar:
                for j in range(s * SPAN, (s + 1) * SPAN):
                    where[count] = j
                    count += row[j] >= bar
        for j in range(n_spans * SPAN, m):
            where[count] = j
            count += row[j] >= bar
        if count > k:
            _keep_largest(row[where[:count]], where, k)
            count = k
        found[r] = count
        for i in range(count):
            places[r, i] = where[i]


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


@compiled(parallel=True, fastmath=True)
def _dots(index: I64, table: F32, ends: I64, rows: F32, products: F32) -> None:
    d = table.shape[1]
    for bag in prange(ends.size - 1):
        for p in range(ends[bag], ends[bag + 1]):
            row, total = index[p], np.float32(0)
            for c in range(d):
                total += rows[bag, c] * table[row, c]
            products[p] = total
