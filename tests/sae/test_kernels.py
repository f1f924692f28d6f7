"""Both sets of kernels give what dense algebra gives."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sae.kernels import Kernels, _numba, choose_kernels
from sae.kernels._numba import NumbaKernels
from sae.kernels._torch import TorchKernels

KERNELS: list[Kernels] = [NumbaKernels(), TorchKernels()]
N_BAGS, D, N_ROWS = 9, 5, 12


def numbers(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def bags(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sizes from 0 on, and rows of the table."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.randint(0, 5, (N_BAGS,), generator=generator)
    index = torch.randint(0, N_ROWS, (int(sizes.sum()),), generator=generator)
    return index, torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 45), st.integers(2, 9))
def test_the_largest_are_found_and_of_equal_ones_the_first(seed: int, k: int, n_levels: int) -> None:
    block = (numbers(seed, 5, 40) * n_levels).round()
    order = block.sort(dim=1, descending=True, stable=True)
    wanted = torch.zeros_like(block).scatter(1, order.indices[:, :k], order.values[:, :k].relu())
    for kernels in KERNELS:
        flat = kernels.largest(block, k)
        found = torch.zeros_like(block).view(-1).index_put((flat,), block.view(-1)[flat]).view_as(block)
        assert torch.equal(found, wanted)
        assert (flat.diff() > 0).all()


@settings(deadline=None)
@given(st.lists(st.integers(0, 6)), st.integers(7, 9))
def test_order_is_a_stable_sort(values: list[int], m: int) -> None:
    index = torch.tensor(values, dtype=torch.int64)
    for kernels in KERNELS:
        order, ends = kernels.order_by(index, m)
        assert torch.equal(order, torch.argsort(index, stable=True))
        assert torch.equal(ends.diff(), torch.bincount(index, minlength=m))


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("seed", range(3))
def test_sums_and_dot_products_are_those_of_a_matrix(kernels: Kernels, seed: int) -> None:
    (index, ends), table, rows = bags(seed), numbers(seed, N_ROWS, D), numbers(seed + 1, N_BAGS, D)
    weight = numbers(seed + 2, len(index))
    bag = torch.arange(N_BAGS).repeat_interleave(ends.diff())
    matrix = torch.zeros(N_BAGS, N_ROWS).index_put((bag, index), weight, accumulate=True)
    torch.testing.assert_close(kernels.weighted_rows(index, table, ends, weight), matrix @ table)
    torch.testing.assert_close(kernels.dots(index, table, ends, rows), (rows @ table.T)[bag, index])


@pytest.mark.parametrize("kernels", KERNELS)
def test_nothing_active(kernels: Kernels) -> None:
    none, ends = torch.zeros(0, dtype=torch.int64), torch.zeros(N_BAGS + 1, dtype=torch.int64)
    table, rows = numbers(0, N_ROWS, D), numbers(1, N_BAGS, D)
    assert not kernels.weighted_rows(none, table, ends, torch.zeros(0)).any()
    assert kernels.dots(none, table, ends, rows).shape == (0,)
    assert kernels.largest(torch.full((3, 4), -1.0), 2).shape == (0,)


def test_a_cpu_gets_the_compiled_ones() -> None:
    assert isinstance(choose_kernels(torch.device("cpu")), NumbaKernels)
    assert isinstance(choose_kernels(torch.device("meta")), TorchKernels)


def test_results_do_not_depend_on_threads() -> None:
    (index, ends), table, rows = bags(0), numbers(0, N_ROWS, D), numbers(1, N_BAGS, D)
    before, results = torch.get_num_threads(), []
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            products = KERNELS[0].dots(index, table, ends, rows)
            results.append((products, KERNELS[0].weighted_rows(index, table, ends, products)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(*pair) for pair in zip(*results, strict=True))


def test_where_no_cache_can_be_written_it_is_compiled_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_cache(*, cache: bool = False, **options: bool):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(_numba, "njit", no_cache)
    assert _numba.compiled(parallel=True)(abs) is abs
