"""Kernels written in Triton, for GPUs: one program a bag, a tile of pairs and columns at a time.

Each number of a result is summed by one program in a fixed order, without atomic additions, and tiles have fixed sizes
instead of sizes found by timing. So the same input gives the same bits, on one model of GPU with one version of Triton;
against another device or another version expect float rounding.

The tests run these kernels in Triton's interpreter and compile them for several GPUs; no time measured on a GPU is on
record in this repository.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from sae.kernels._torch import TorchKernels

N_PAIRS = 16
"""Pairs in a tile: so many rows of the table are being read at a time."""
N_COLUMNS = 256
"""Columns in a tile, at most."""


class TritonKernels(TorchKernels):
    """Sums of rows and dot products by Triton; the rest is plain torch's. See ``Kernels``.

    Tables, rows and weights may also be float16 or bfloat16; sums are made and given in float32.
    """

    def weighted_rows(self, index: Tensor, table: Tensor, ends: Tensor, weight: Tensor) -> Tensor:
        """See ``Kernels.weighted_rows``."""
        n_bags, d = len(ends) - 1, table.shape[1]
        sums = torch.empty(n_bags, d, device=table.device)
        width = _tile_width(d)
        if sums.numel():
            _launch(_weighted_rows, (n_bags, triton.cdiv(d, width)), (index, table, ends, weight, sums), d, width)
        return sums

    def dots(self, index: Tensor, table: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
        """See ``Kernels.dots``."""
        d = table.shape[1]
        products = torch.empty(len(index), device=table.device)
        if products.numel():
            _launch(_dots, (len(ends) - 1,), (index, table, ends, rows, products), d, _tile_width(d))
        return products


def _tile_width(d: int) -> int:
    return min(N_COLUMNS, triton.next_power_of_2(d))  # type: ignore[no-any-return]


def _launch(kernel: triton.JITFunction, grid: tuple[int, ...], tensors: tuple[Tensor, ...], d: int, width: int) -> None:
    """Run on the tensors' own GPU, which need not be the current one; a multiplication and its addition round once."""
    with torch.cuda.device_of(tensors[0]):  # type: ignore[no-untyped-call]
        kernel[grid](*(tensor.contiguous() for tensor in tensors), d, N_PAIRS, width, enable_fp_fusion=True)


@triton.jit  # type: ignore[untyped-decorator]
def _weighted_rows(
    index: tl.tensor,
    table: tl.tensor,
    ends: tl.tensor,
    weight: tl.tensor,
    sums: tl.tensor,
    d: tl.tensor,
    n_pairs: tl.constexpr,
    width: tl.constexpr,
) -> None:
    """Program (bag, block of columns). Offsets are int64: a table or the sums may have more than 2^31 elements."""
    bag = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * width + tl.arange(0, width)
    last = tl.load(ends + bag + 1)
    total = tl.zeros((n_pairs, width), tl.float32)
    for first in range(tl.load(ends + bag), last, n_pairs):
        pair = first + tl.arange(0, n_pairs)
        row = tl.load(index + pair, mask=pair < last, other=0)
        w = tl.load(weight + pair, mask=pair < last, other=0.0).to(tl.float32)
        inside = (pair < last)[:, None] & (column < d)[None, :]
        values = tl.load(table + row[:, None] * d + column[None, :], mask=inside, other=0.0)
        total += w[:, None] * values.to(tl.float32)
    tl.store(sums + bag * d + column, tl.sum(total, axis=0), mask=column < d)


@triton.jit  # type: ignore[untyped-decorator]
def _dots(
    index: tl.tensor,
    table: tl.tensor,
    ends: tl.tensor,
    rows: tl.tensor,
    products: tl.tensor,
    d: tl.tensor,
    n_pairs: tl.constexpr,
    width: tl.constexpr,
) -> None:
    """Program (bag): its row with the table's row of each of its pairs. Offsets are int64."""
    bag = tl.program_id(0).to(tl.int64)
    last = tl.load(ends + bag + 1)
    for first in range(tl.load(ends + bag), last, n_pairs):
        pair = first + tl.arange(0, n_pairs)
        row = tl.load(index + pair, mask=pair < last, other=0)
        total = tl.zeros((n_pairs, width), tl.float32)
        for start in range(0, d, width):
            column = start + tl.arange(0, width)
            inside = (pair < last)[:, None] & (column < d)[None, :]
            values = tl.load(table + row[:, None] * d + column[None, :], mask=inside, other=0.0)
            own = tl.load(rows + bag * d + column, mask=column < d, other=0.0)
            total += own.to(tl.float32)[None, :] * values.to(tl.float32)
        tl.store(products + pair, tl.sum(total, axis=1), mask=pair < last)
