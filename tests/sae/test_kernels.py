"""Every set of kernels gives what dense algebra and autograd give."""

from __future__ import annotations

import sys
import types

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sae.kernels import Kernels, RowSums, _choose, _numba, choose_kernels
from sae.kernels._numba import NumbaKernels
from sae.kernels._torch import TorchKernels

N_BAGS, D, N_ROWS = 9, 5, 12
DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64]


@pytest.fixture(scope="module", params=["numba", "torch", pytest.param("triton", marks=pytest.mark.triton)])
def case(request: pytest.FixtureRequest) -> tuple[Kernels, torch.device]:
    """A set of kernels, and where it runs."""
    if request.param == "triton":
        device = request.getfixturevalue("triton_device")
        from sae.kernels._triton import TritonKernels

        return TritonKernels(), device
    return {"numba": NumbaKernels(), "torch": TorchKernels()}[request.param], torch.device("cpu")


def numbers(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def bags(seed: int) -> tuple[Tensor, Tensor]:
    """Sizes from 0 on, and rows of the table."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.randint(0, 5, (N_BAGS,), generator=generator)
    index = torch.randint(0, N_ROWS, (int(sizes.sum()),), generator=generator)
    return index, torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.3, 0.5, 2.0]), st.sampled_from(DTYPES))
def test_what_is_above_a_bar_is_found(
    case: tuple[Kernels, torch.device], seed: int, bar: float, dtype: torch.dtype
) -> None:
    kernels, device = case
    block = ((numbers(seed, 5, 75) * 10).round() / 10).to(dtype)  # some are 0, -0 or the bar itself
    flat = kernels.above(block.to(device), bar).cpu()
    assert torch.equal(flat, (block > bar).view(-1).nonzero().squeeze(1))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m", [7, 300])
def test_infinities_are_the_largest(case: tuple[Kernels, torch.device], m: int, dtype: torch.dtype) -> None:
    kernels, device = case
    block = numbers(0, 3, m).to(dtype)
    block[:, 1], block[:, 2], block[:, 4] = torch.inf, -torch.inf, torch.finfo(dtype).tiny
    flat = kernels.largest(block.to(device), 1).cpu()
    assert flat.tolist() == [1, m + 1, 2 * m + 1]
    assert 4 in kernels.largest(block.to(device), m).cpu().tolist()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 45), st.integers(2, 9), st.sampled_from(DTYPES))
def test_the_largest_are_found_and_of_equal_ones_the_first(
    case: tuple[Kernels, torch.device], seed: int, k: int, n_levels: int, dtype: torch.dtype
) -> None:
    kernels, device = case
    block = (numbers(seed, 5, 1500 if seed % 2 else 40) * n_levels).round().to(dtype)
    order = block.sort(dim=1, descending=True, stable=True)
    wanted = torch.zeros_like(block).scatter(1, order.indices[:, :k], order.values[:, :k].relu())
    flat = kernels.largest(block.to(device), k).cpu()
    found = torch.zeros_like(block).view(-1).index_put((flat,), block.view(-1)[flat]).view_as(block)
    assert torch.equal(found, wanted)
    assert (flat.diff() > 0).all()


@settings(deadline=None)
@given(st.lists(st.integers(0, 6)), st.integers(7, 9))
def test_order_is_a_stable_sort(case: tuple[Kernels, torch.device], values: list[int], m: int) -> None:
    kernels, device = case
    index = torch.tensor(values, dtype=torch.int64)
    order, ends = kernels.order_by(index.to(device), m)
    assert torch.equal(order.cpu(), torch.argsort(index, stable=True))
    assert torch.equal(ends.diff().cpu(), torch.bincount(index, minlength=m))


@pytest.mark.parametrize("seed", range(3))
def test_sums_and_dot_products_are_those_of_a_matrix(case: tuple[Kernels, torch.device], seed: int) -> None:
    kernels, device = case
    (index, ends), table, rows = bags(seed), numbers(seed, N_ROWS, D), numbers(seed + 1, N_BAGS, D)
    weight = numbers(seed + 2, len(index))
    bag = torch.arange(N_BAGS).repeat_interleave(ends.diff())
    matrix = torch.zeros(N_BAGS, N_ROWS).index_put((bag, index), weight, accumulate=True)
    index, table, ends, weight, rows = (tensor.to(device) for tensor in (index, table, ends, weight, rows))
    torch.testing.assert_close(kernels.weighted_rows(index, table, ends, weight).cpu(), matrix @ table.cpu())
    torch.testing.assert_close(kernels.dots(index, table, ends, rows).cpu(), (rows @ table.T).cpu()[bag, index.cpu()])


def test_errors_are_what_is_missing_and_its_dot_products(case: tuple[Kernels, torch.device]) -> None:
    kernels, device = case
    (index, ends), table, wanted = bags(5), numbers(0, N_ROWS, D).to(device), numbers(1, N_BAGS, D).to(device)
    index, ends, offset = index.to(device), ends.to(device), numbers(3, D).to(device)
    weight = numbers(2, len(index)).to(device)
    error, dots = kernels.errors(RowSums(index, table, ends, weight), offset, wanted)
    torch.testing.assert_close(error, kernels.weighted_rows(index, table, ends, weight) + offset - wanted)
    torch.testing.assert_close(dots, kernels.dots(index, table, ends, error))


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_they_give_autograds_gradients_of_a_reconstruction(case: tuple[Kernels, torch.device], share: float) -> None:
    kernels, device = case
    dense = (numbers(0, N_BAGS, N_ROWS).abs() * (numbers(1, N_BAGS, N_ROWS).sigmoid() < share)).to(device)
    decoder, x = numbers(2, N_ROWS, D).to(device).requires_grad_(), numbers(3, N_BAGS, D).to(device)
    dense.requires_grad_()
    reconstruction = dense @ decoder
    (reconstruction - x).square().sum().backward()

    row, feature = dense.nonzero(as_tuple=True)
    f, ends = dense.detach()[row, feature], kernels.order_by(row, N_BAGS)[1]
    decoded = kernels.weighted_rows(feature, decoder.detach(), ends, f)
    torch.testing.assert_close(decoded, reconstruction.detach())
    g = 2 * (decoded - x)
    torch.testing.assert_close(kernels.dots(feature, decoder.detach(), ends, g), dense.grad[row, feature])
    order, ends = kernels.order_by(feature, N_ROWS)
    torch.testing.assert_close(kernels.weighted_rows(row[order], g, ends, f[order]), decoder.grad)


def test_nothing_active(case: tuple[Kernels, torch.device]) -> None:
    kernels, device = case
    none, ends = torch.zeros(0, dtype=torch.int64), torch.zeros(N_BAGS + 1, dtype=torch.int64)
    none, ends, weight = none.to(device), ends.to(device), torch.zeros(0, device=device)
    table, rows = numbers(0, N_ROWS, D).to(device), numbers(1, N_BAGS, D).to(device)
    sums = kernels.weighted_rows(none, table, ends, weight)
    assert sums.shape == (N_BAGS, D)
    assert not sums.any()
    assert kernels.dots(none, table, ends, rows).shape == (0,)
    assert kernels.above(torch.full((3, 4), -1.0, device=device), 0.0).shape == (0,)
    assert kernels.largest(torch.full((3, 4), -1.0, device=device), 2).shape == (0,)


def test_a_cpu_gets_the_compiled_ones() -> None:
    assert isinstance(choose_kernels(torch.device("cpu")), NumbaKernels)
    assert isinstance(choose_kernels(torch.device("meta")), TorchKernels)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The packages that are there to be imported, and a GPU whose kernels have not been chosen yet."""
    names: set[str] = set()
    monkeypatch.setattr(_choose.importlib.util, "find_spec", lambda name: name in names)
    monkeypatch.setattr(_choose, "_for_type", _choose._for_type.__wrapped__)
    return names


def test_a_gpu_gets_tritons_where_triton_is_installed(installed: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    monkeypatch.setattr(_choose, "_triton_if_it_runs", tried.append)
    assert isinstance(choose_kernels(torch.device("cuda")), TorchKernels)
    installed.add("triton")
    assert isinstance(choose_kernels(torch.device("cpu")), TorchKernels)
    assert tried == []
    choose_kernels(torch.device("cuda", 1))
    assert tried == ["cuda"]


@pytest.mark.triton
def test_triton_is_used_where_it_runs(triton_device: torch.device) -> None:
    from sae.kernels._triton import TritonKernels

    assert isinstance(_choose._triton_if_it_runs(triton_device.type), TritonKernels)


def test_where_triton_does_not_run_torch_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(TorchKernels):
        def weighted_rows(self, *_: Tensor) -> Tensor:
            raise RuntimeError("Failed to find C compiler")

    module = types.ModuleType("sae.kernels._triton")
    module.TritonKernels = Broken
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.warns(UserWarning, match="Triton does not run here.*Failed to find C compiler"):
        kernels = _choose._triton_if_it_runs("cpu")
    assert type(kernels) is TorchKernels


def test_results_do_not_depend_on_threads() -> None:
    (index, ends), table, rows = bags(0), numbers(0, N_ROWS, D), numbers(1, N_BAGS, D)
    kernels, before, results = NumbaKernels(), torch.get_num_threads(), []
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            products = kernels.dots(index, table, ends, rows)
            results.append((products, kernels.weighted_rows(index, table, ends, products)))
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
