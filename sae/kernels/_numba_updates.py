"""The row updates, compiled by numba: a row's gradient is summed, used and forgotten by one thread."""

from __future__ import annotations

import numpy as np
import torch
from numba import prange, set_num_threads
from torch import Tensor

from sae.kernels._numba import F32, I64, add_rows, compiled
from sae.kernels._row_updates import KeptRows, RowAdam, RowSums


def row_norms(gradient: RowSums, unit: Tensor | None, kept: KeptRows | None) -> Tensor:
    """See ``sae.kernels.row_norms``."""
    set_num_threads(torch.get_num_threads())
    norms = gradient.weight.new_empty(len(gradient.ends) - 1)
    along = (gradient.table[:0] if unit is None else unit).numpy()
    _norms(*_arrays(gradient), along, *_kept(gradient, kept), norms.numpy())
    return norms


def update_rows(gradient: RowSums, adam: RowAdam, scale: float, unit: bool, kept: KeptRows | None) -> None:
    """See ``sae.kernels.update_rows``."""
    set_num_threads(torch.get_num_threads())
    beta1, beta2 = adam.betas
    rate, root = adam.lr / (1 - beta1**adam.n_steps), (1 - beta2**adam.n_steps) ** -0.5
    constants = np.array([scale, rate, beta1, beta2, root, adam.eps], np.float32)
    moments = adam.weight.numpy(), adam.mean.numpy(), adam.square.numpy()
    _update(*_arrays(gradient), unit, *_kept(gradient, kept), constants, *moments)


def _arrays(sums: RowSums) -> tuple[I64, F32, I64, F32, F32]:
    shift = sums.table.new_zeros(sums.table.shape[1]) if sums.shift is None else sums.shift
    return sums.index.numpy(), sums.table.numpy(), sums.ends.numpy(), sums.weight.numpy(), shift.numpy()


def _kept(gradient: RowSums, kept: KeptRows | None) -> tuple[I64, F32]:
    """Which row is where, and the rows; without room for any the first is empty."""
    if kept is None:
        return gradient.ends[:0].numpy(), gradient.table[:0].numpy()
    return kept.slot.numpy(), kept.rows.numpy()


@compiled(fastmath=True)
def _row(bag: int, index: I64, table: F32, ends: I64, weight: F32, shift: F32) -> F32:
    first, last = ends[bag], ends[bag + 1]
    total: F32 = -weight[first:last].sum() * shift
    add_rows(total, index[first:last], table, weight[first:last])
    return total


@compiled(fastmath=True)
def _remove_parallel(total: F32, direction: F32) -> None:
    along = np.float32(0)
    for j in range(total.size):
        along += total[j] * direction[j]
    for j in range(total.size):
        total[j] -= along * direction[j]


@compiled(parallel=True, fastmath=True)
def _norms(
    index: I64, table: F32, ends: I64, weight: F32, shift: F32, unit: F32, slot: I64, kept: F32, norms: F32
) -> None:
    for bag in prange(norms.size):
        total = _row(bag, index, table, ends, weight, shift)
        if unit.size:
            _remove_parallel(total, unit[bag])
        square = np.float32(0)
        for j in range(total.size):
            square += total[j] * total[j]
        norms[bag] = np.sqrt(square)
        if slot.size and slot[bag] >= 0:
            kept[slot[bag]] = total


@compiled(parallel=True, fastmath=True)
def _update(
    index: I64,
    table: F32,
    ends: I64,
    weight: F32,
    shift: F32,
    unit: bool,
    slot: I64,
    kept: F32,
    constants: F32,
    rows: F32,
    mean: F32,
    square: F32,
) -> None:
    scale, rate, beta1, beta2, root, eps = constants
    for bag in prange(rows.shape[0]):
        row, m, v = rows[bag], mean[bag], square[bag]
        if slot.size and slot[bag] >= 0:
            total = kept[slot[bag]]
        else:
            total = _row(bag, index, table, ends, weight, shift)
            if unit:
                _remove_parallel(total, row)
        length = np.float32(0)
        for j in range(row.size):
            g = scale * total[j]
            m[j] += (np.float32(1) - beta1) * (g - m[j])
            v[j] = beta2 * v[j] + (np.float32(1) - beta2) * g * g
            row[j] -= rate * m[j] / (root * np.sqrt(v[j]) + eps)
            length += row[j] * row[j]
        if unit and length > 0:
            inverse = np.float32(1) / np.sqrt(length)
            for j in range(row.size):
                row[j] *= inverse
