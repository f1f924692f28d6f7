"""What Triton's kernels promise beyond the others: shapes of real SAEs, bfloat16, large tables, the same bits again."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from sae.training._batch import Batch
from sae.training._loss import loss_weights
from sae.training._weights import Weights
from sae.training.steps import Objective, _pairs, _selected, _step, autograd_step, batchtopk_step, stored, topk_step

pytestmark = pytest.mark.triton

N_ROWS = 40


@pytest.fixture
def kernels(triton_device: torch.device):
    from sae.kernels._triton import TritonKernels

    return TritonKernels()


def problem(device: torch.device, sizes: list[int], d: int, dtype: torch.dtype) -> list[Tensor]:
    """Index, table, ends, weight, rows and each pair's bag."""
    random = torch.Generator().manual_seed(d)
    n = sum(sizes)
    index = torch.randint(0, N_ROWS, (n,), generator=random)
    table, weight, rows = (torch.randn(*s, generator=random).to(dtype) for s in ((N_ROWS, d), (n,), (len(sizes), d)))
    bag = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    ends = torch.tensor([0, *sizes]).cumsum(0)
    return [tensor.to(device) for tensor in (index, table, ends, weight, rows, bag)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("sizes", "d"),
    [
        ([3, 0, 0, 40, 1], 100),  # bags without pairs; several tiles of pairs
        ([0, 75, 0], 300),  # all pairs in one bag; two tiles of columns, neither full
        ([16, 32, 17, 0], 256),  # tiles exactly full
        ([1], 1),
        ([0, 0], 7),
        ([2, 2], 513),
    ],
)
def test_sums_and_dot_products_are_a_dense_products(kernels, triton_device, dtype, sizes, d) -> None:
    index, table, ends, weight, rows, bag = problem(triton_device, sizes, d, dtype)
    matrix = torch.zeros(len(sizes), N_ROWS, dtype=torch.float64, device=triton_device)
    matrix.index_put_((bag, index), weight.double(), accumulate=True)
    sums, products = kernels.weighted_rows(index, table, ends, weight), kernels.dots(index, table, ends, rows)
    assert sums.dtype == products.dtype == torch.float32
    torch.testing.assert_close(sums, (matrix @ table.double()).float(), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(products, (rows.double() @ table.double().T)[bag, index].float(), rtol=1e-5, atol=1e-4)


def test_views_that_are_not_contiguous(kernels, triton_device) -> None:
    index, table, ends, weight, rows, _ = problem(triton_device, [3, 0, 20], 24, torch.float32)
    expected = kernels.weighted_rows(index, table, ends, weight), kernels.dots(index, table, ends, rows)
    index, weight = (torch.stack([tensor, tensor], dim=1)[:, 0] for tensor in (index, weight))
    table, rows = (tensor.T.contiguous().T for tensor in (table, rows))
    assert torch.equal(kernels.weighted_rows(index, table, ends, weight), expected[0])
    assert torch.equal(kernels.dots(index, table, ends, rows), expected[1])


def test_a_bags_bits_do_not_depend_on_the_other_bags(kernels, triton_device) -> None:
    index, table, ends, weight, rows, _ = problem(triton_device, [21, 0, 50, 3], 270, torch.float32)
    sums, products = kernels.weighted_rows(index, table, ends, weight), kernels.dots(index, table, ends, rows)
    for bag, (first, last) in enumerate(zip(ends.tolist(), ends[1:].tolist(), strict=False)):
        own, own_ends = index[first:last], ends[bag : bag + 2] - first
        assert torch.equal(kernels.weighted_rows(own, table, own_ends, weight[first:last])[0], sums[bag])
        assert torch.equal(kernels.dots(own, table, own_ends, rows[bag : bag + 1]), products[first:last])


def test_a_table_of_more_than_two_to_the_31_elements(kernels, triton_device) -> None:
    if triton_device.type != "cpu":
        pytest.skip("addresses the CPU's memory")
    d, size = 64, 2
    far = 2**31 // d + 3  # times d: beyond an int32, where it would wrap round to below the table's start
    no_reserve = 0x4000  # Linux: address space without memory, until it is written
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | no_reserve
    memory = mmap.mmap(-1, 2 * (far + 2) * d * size, flags=flags)
    middle = (far + 2) * d * size
    table = torch.frombuffer(memory, dtype=torch.bfloat16, count=d, offset=middle).view(1, d)
    row = torch.frombuffer(memory, dtype=torch.bfloat16, count=d, offset=middle + far * d * size)
    row.copy_(torch.arange(d))
    index, ends, weight = torch.tensor([far]), torch.tensor([0, 1]), torch.tensor([2.0])
    assert torch.equal(kernels.weighted_rows(index, table, ends, weight), 2 * torch.arange(float(d))[None])
    assert kernels.dots(index, table, ends, torch.ones(1, d)).item() == torch.arange(d).sum()


@pytest.mark.parametrize(
    ("architecture", "step"), [("topk", topk_step), ("batchtopk", batchtopk_step), ("matryoshka", batchtopk_step)]
)
def test_a_training_step_with_them_is_autograds(kernels, triton_device, monkeypatch, architecture, step) -> None:
    for module in (_pairs, _selected, _step):
        monkeypatch.setattr(module, "choose_kernels", lambda _: kernels)
    random, n, d_in, d_sae = torch.Generator().manual_seed(1), 33, 6, 20
    shapes = [(d_sae, d_in), (d_sae,), (d_sae, d_in), (d_in,), (n, d_in)]
    *weights, x = (torch.randn(shape, generator=random).to(triton_device) for shape in shapes)
    goal = Objective(
        loss=loss_weights("sse", 0.0, d_in=d_in, d_sae=d_sae),
        architecture=architecture,
        k=4,
        widths=(5, 8, d_sae) if architecture == "matryoshka" else (d_sae,),
    )
    found, expected = step(Batch(x), Weights(*weights), goal), autograd_step(Batch(x), Weights(*weights), goal)
    for name, gradient in expected.gradients.items():
        torch.testing.assert_close(stored(found.gradients[name]), gradient, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.error, expected.error, rtol=1e-5, atol=1e-5)


COMPILE = """
import re

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from sae.kernels import _triton

for kernel in (_triton._weighted_rows, _triton._dots):
    for number in ("fp32", "bf16"):
        for capability in (75, 90):
            types = {name: "*" + number for name in kernel.arg_names}
            types |= {"index": "*i64", "ends": "*i64", "d": "i32", "n_pairs": "constexpr", "width": "constexpr"}
            types |= {name: "*fp32" for name in types if name in ("sums", "products")}
            source = ASTSource(kernel, types, constexprs={"n_pairs": _triton.N_PAIRS, "width": _triton.N_COLUMNS})
            options = {"enable_fp_fusion": True}
            compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
            assert compiled.asm["cubin"]
            assert not re.search(r"(?<![a-z])(atom|red)\\.", compiled.asm["ptx"])
"""


@pytest.mark.usefixtures("triton_device")
def test_they_compile_for_gpus_without_atomics(tmp_path) -> None:
    """The interpreter allows what the compiler refuses; compiling needs no GPU."""
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
