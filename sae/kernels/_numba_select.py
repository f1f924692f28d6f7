"""Finding the features that fire, compiled by numba.

Positive floating-point numbers have the order of their bits, read as integers, and the others are below them. So one
search serves numbers of any length, and it halves ranges of integers instead of sorting numbers.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import prange, set_num_threads
from numpy.typing import NDArray
from torch import Tensor

from sae.kernels._numba import I32, I64, compiled

Bits = NDArray[np.int16] | NDArray[np.int32] | NDArray[np.int64]
"""Numbers, as the integers that their bits are."""

OF_LENGTH = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""By the bytes of a number."""
SPAN = 32
"""Neighbours in a row that are looked at together first."""
SLACK = 8
"""How many more spans than wanted may reach the first bar: to leave fewer costs more than to look at them."""
PARTS = 32
"""Parts of a block that are searched in parallel."""


def above(block: Tensor, bar: float) -> Tensor:
    """See ``Kernels.above``."""
    set_num_threads(torch.get_num_threads())
    bits, least = _bits(block), _bits(torch.tensor([bar], dtype=block.dtype))[0]
    found = np.zeros(len(block) + 1, np.int64)
    _count_above(bits, least, found[1:])
    ends = found.cumsum()
    flat = np.empty(ends[-1], np.int64)
    _places_above(bits, least, ends, flat)
    return torch.from_numpy(flat)


def largest(block: Tensor, k: int) -> Tensor:
    """See ``Kernels.largest``."""
    set_num_threads(torch.get_num_threads())
    n, m = block.shape
    k = min(k, m)
    flat, found = np.empty((n, k), np.int64), np.empty(n, np.int64)
    _largest(_bits(block), k, flat, found)
    return torch.from_numpy(flat[np.arange(k) < found[:, None]])


def _bits(block: Tensor) -> Bits:
    bits: Bits = block.view(OF_LENGTH[block.element_size()]).numpy()
    return bits


@compiled(parallel=True)
def _count_above(bits: Bits, bar: int, found: I64) -> None:
    for r in prange(bits.shape[0]):
        row, n = bits[r], np.int32(0)
        for j in range(row.size):
            n += np.int32(row[j] > bar)
        found[r] = n


@compiled(parallel=True)
def _places_above(bits: Bits, bar: int, ends: I64, flat: I64) -> None:
    m = bits.shape[1]
    for r in prange(bits.shape[0]):
        row, place = bits[r], ends[r]
        for start in range(0, m, SPAN):
            span, n = row[start : start + SPAN], np.int32(0)
            for j in range(span.size):
                n += np.int32(span[j] > bar)
            if n:
                for j in range(span.size):
                    if span[j] > bar:
                        flat[place] = r * m + start + j
                        place += 1


@compiled()
def _bar(values: Bits, k: int, slack: int) -> np.int16 | np.int32 | np.int64:
    """Give a bar above 0 that at least k values reach, and at most ``slack`` more but for equal ones; else 1."""
    low, high = np.int64(1), np.int64(values.max()) + 1
    while high - low > 1:
        middle = low + (high - low) // 2
        bar, n = values.dtype.type(middle), np.int32(0)
        for i in range(values.size):
            n += np.int32(values[i] >= bar)
        if n < k:
            high = middle
        else:
            low = middle
            if n <= k + slack:
                break
    return values.dtype.type(low)


@compiled()
def _keep_largest(held: Bits, where: I32, k: int) -> None:
    """Move the places of the k largest to the front, in their order; of equal ones the first."""
    least = _bar(held, k, 0)
    room = k
    for i in range(held.size):
        room -= held[i] > least
    kept = 0
    for i in range(held.size):
        if held[i] > least or (held[i] == least and room > 0):
            room -= held[i] == least
            where[kept] = where[i]
            kept += 1


@compiled(parallel=True)
def _largest(bits: Bits, k: int, places: I64, found: I64) -> None:
    """Cut each row into spans: about the k-th largest of their maxima is a bar that few but the k largest reach."""
    n, m = bits.shape
    n_spans = m // SPAN
    for part in prange(PARTS):
        tops, where = np.empty(n_spans, bits.dtype), np.empty(m + 1, np.int32)
        for r in range(part * n // PARTS, (part + 1) * n // PARTS):
            row = bits[r]
            for s in range(n_spans):
                span = row[s * SPAN : (s + 1) * SPAN]
                top = span[0]
                for j in range(SPAN):
                    top = max(top, span[j])
                tops[s] = top
            bar, count = _bar(tops, k, SLACK) if n_spans > k else bits.dtype.type(1), 0
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
                places[r, i] = r * m + where[i]
