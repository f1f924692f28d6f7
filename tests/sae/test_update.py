"""A step of Adam on gradients that are never stored is torch's own step."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam

from sae.kernels import KeptRows, RowAdam, RowSums, _row_updates, row_norms, update_rows
from sae.training import TrainConfig, Trainer, _update
from sae.training._batch import Batch
from sae.training._weights import remove_parallel_, unit_rows_
from sae.training.steps import Objective, autograd_step, stored

D_IN, D_SAE = 21, 30  # neither a multiple of the rows that are added at once


def numbers(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def row_sums(seed: int = 0) -> RowSums:
    """Bags of 0 to 10 rows."""
    sizes = torch.randint(0, 11, (D_SAE,), generator=torch.Generator().manual_seed(seed))
    ends = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    index = torch.randint(0, 40, (int(ends[-1]),), generator=torch.Generator().manual_seed(seed))
    return RowSums(index, numbers(seed, 40, D_IN), ends, numbers(seed + 1, len(index)), shift=numbers(seed + 2, D_IN))


def unit(seed: int) -> torch.Tensor:
    return torch.nn.functional.normalize(numbers(seed, D_SAE, D_IN), dim=1)


def test_stored_sums_are_sums_of_shifted_rows() -> None:
    sums = row_sums()
    assert sums.shift is not None
    for bag in range(D_SAE):
        pairs = slice(int(sums.ends[bag]), int(sums.ends[bag + 1]))
        expected = sums.weight[pairs] @ (sums.table[sums.index[pairs]] - sums.shift)
        torch.testing.assert_close(stored(sums)[bag], expected, rtol=1e-5, atol=1e-5)


def test_norms_are_those_of_the_stored_gradient() -> None:
    gradient, rows = stored(row_sums()), unit(5)
    torch.testing.assert_close(row_norms(row_sums()), gradient.norm(dim=1))
    remove_parallel_(gradient, rows)
    torch.testing.assert_close(row_norms(row_sums(), unit=rows), gradient.norm(dim=1))


@pytest.mark.parametrize("keeps_norm", [True, False])
def test_row_by_row_is_torchs_adam(keeps_norm: bool) -> None:
    weight = unit(9)
    reference = weight.clone()
    adam = Adam([reference], lr=0.01, betas=(0.8, 0.95))
    moments = torch.zeros_like(weight), torch.zeros_like(weight)
    for step in range(1, 6):
        sums = row_sums(seed=step)
        gradient = 0.3 * stored(sums)
        if keeps_norm:
            remove_parallel_(gradient, reference)
        reference.grad = gradient
        adam.step()
        if keeps_norm:
            unit_rows_(reference)
        shared = RowAdam(weight, *moments, n_steps=step, lr=0.01, betas=(0.8, 0.95), eps=1e-8)
        update_rows(sums, shared, scale=0.3, unit=keeps_norm)
        torch.testing.assert_close(weight, reference, rtol=1e-5, atol=1e-6)
    state = adam.state[reference]
    torch.testing.assert_close(moments[0], state["exp_avg"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(moments[1], state["exp_avg_sq"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_kept", [0, 3, D_SAE])
@pytest.mark.parametrize("keeps_norm", [True, False])
def test_rows_that_are_kept_change_no_bit(n_kept: int, keeps_norm: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_row_updates, "KEPT_BYTES", n_kept * D_IN * 4)
    sums, results = row_sums(), []
    for kept in (KeptRows.of(sums), None):
        weight, moments = unit(9), (torch.zeros(D_SAE, D_IN), torch.zeros(D_SAE, D_IN))
        adam = RowAdam(weight, *moments, n_steps=1, lr=0.1, betas=(0.9, 0.999), eps=1e-8)
        norms = row_norms(sums, unit=weight if keeps_norm else None, kept=kept)
        update_rows(sums, adam, scale=0.3, unit=keeps_norm, kept=kept)
        results.append((norms, weight, *moments))
    assert all(torch.equal(*pair) for pair in zip(*results, strict=True))


def test_the_rows_that_are_kept_are_the_longest_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_row_updates, "KEPT_BYTES", 3 * D_IN * 4)
    sums = row_sums()
    kept, lengths = KeptRows.of(sums), sums.ends.diff()
    chosen = kept.slot >= 0
    assert sorted(kept.slot[chosen].tolist()) == [0, 1, 2]
    assert lengths[chosen].min() >= lengths[~chosen].max()
    row_norms(sums, kept=kept)
    torch.testing.assert_close(kept.rows[kept.slot[chosen]], stored(sums)[chosen], rtol=1e-5, atol=1e-5)


def test_rows_without_a_gradient_stay_and_zero_rows_stay_zero() -> None:
    nothing = torch.zeros(0, dtype=torch.int64)
    sums = RowSums(nothing, numbers(0, 4, 3), torch.zeros(3, dtype=torch.int64), torch.zeros(0))
    weight = torch.tensor([[0.6, 0.8, 0.0], [0.0, 0.0, 0.0]])
    before = weight.clone()
    adam = RowAdam(weight, torch.zeros(2, 3), torch.zeros(2, 3), n_steps=1, lr=0.1, betas=(0.9, 0.999), eps=1e-8)
    update_rows(sums, adam, unit=True)
    torch.testing.assert_close(weight, before)


def test_results_do_not_depend_on_threads() -> None:
    before, results = torch.get_num_threads(), []
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            weight, moments = unit(9), (torch.zeros(D_SAE, D_IN), torch.zeros(D_SAE, D_IN))
            update_rows(row_sums(), RowAdam(weight, *moments, n_steps=1, lr=0.1, betas=(0.9, 0.999), eps=1e-8))
            results.append((weight, *moments, row_norms(row_sums())))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(*pair) for pair in zip(*results, strict=True))


def config(architecture: str, unit_norm: bool, clip: float | None) -> TrainConfig:
    family = {"k": 3} if architecture == "topk" else {"l1_coefficient": 0.3}
    return TrainConfig(
        n_tokens=40 * 64, architecture=architecture, d_sae=32, batch_size=64, lr=5e-3, lr_warmup_steps=0, lr_decay=0.0,
        decoder_norm="unit" if unit_norm else "unpenalised", grad_clip=clip, log_every=1, **family,
    )  # fmt: skip


CASES = [(True, 1.0), (True, None), (False, 1.0), (False, 1e9)]


@pytest.mark.parametrize("architecture", ["standard", "topk", "tied"])
@pytest.mark.parametrize(("unit_norm", "clip"), CASES)
def test_the_loss_curve_is_that_of_autograd_and_torchs_adam(dictionary_data, architecture, unit_norm, clip):
    x, cfg = dictionary_data(40 * 64)[1], config(architecture, unit_norm, clip)
    trainer = Trainer(cfg, x[:500])
    weights = copy.deepcopy(trainer.weights)
    adam = Adam(weights.tensors(), lr=cfg.lr)
    goal: Objective = trainer._objective()
    for batch in x.split(64):
        entry = trainer.step(batch)
        step = autograd_step(Batch(batch * trainer.scale), weights, goal)
        loss = (goal.loss.error * step.squared_error + goal.loss.l1 * step.penalty) / len(batch)
        assert entry is not None
        assert entry.loss == pytest.approx(float(loss), rel=1e-4)
        for weight, gradient in zip(weights.tensors(), step.gradients.values(), strict=True):
            weight.grad = stored(gradient)
        if unit_norm:
            assert weights.decoder.grad is not None
            remove_parallel_(weights.decoder.grad, weights.decoder)
        if clip is not None:
            clip_grad_norm_(weights.tensors(), clip)
        adam.step()
        if unit_norm:
            unit_rows_(weights.decoder)


def test_where_rows_cannot_be_updated_gradients_are_stored(dictionary_data, monkeypatch):
    x, cfg = dictionary_data(40 * 64)[1], config("topk", unit_norm=True, clip=1.0)
    trainers = [Trainer(cfg, x[:500]) for _ in range(2)]
    for batch in x.split(64)[:20]:
        trainers[0].step(batch)
        assert trainers[0].weights.encoder.grad is None
        with monkeypatch.context() as patch:
            patch.setattr(_update, "updates_rows", lambda _: False)
            trainers[1].step(batch)
            assert trainers[1].weights.encoder.grad is not None
    for one, other in zip(trainers[0].weights.tensors(), trainers[1].weights.tensors(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
