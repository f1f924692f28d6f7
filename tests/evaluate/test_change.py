"""What another decoder changes, held against the metrics of the SAE core and against losses computed by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import sae
from autointerp.errors import AutointerpError
from autointerp.evaluate import measure_change, predict


def rescaled(model: sae.SAE, factor: float) -> sae.SAE:
    return sae.SAE(model.cfg, **{**model.tensors(), "W_dec": factor * model.W_dec})


def every_batch(setting):
    rows = np.arange(setting.windows.n_windows)
    return [setting.batch(rows[at : at + 8]) for at in range(0, len(rows), 8)]


def test_figures_are_those_of_the_core(toy, tmp_path):
    before = toy.random_sae()
    after = rescaled(before, 1.7)
    setting = toy.make_setting(tmp_path, before)
    change = measure_change(setting, before, after, np.arange(setting.windows.n_windows))
    x = torch.cat([setting.subject.residuals(batch.tokens)[batch.kept] for batch in every_batch(setting)])
    assert change.n_tokens == len(x)
    for model, figures in ((before, change.before), (after, change.after)):
        quality = sae.metrics.evaluate(model, [x])
        for name in ("fvu", "mse", "l2_ratio", "cosine", "l0"):
            assert figures[name] == pytest.approx(getattr(quality, name), rel=1e-5), name
    assert change.before["l0"] == change.after["l0"] > 0
    for name, difference in change.difference.items():
        assert difference.value == pytest.approx(change.after[name] - change.before[name], abs=1e-9)
    assert change.difference["l0"].standard_error == 0
    assert change.difference["fvu"].standard_error > 0


def test_losses_are_those_of_the_spliced_model(toy, tmp_path):
    before = toy.random_sae()
    after = rescaled(before, 0.5)
    setting = toy.make_setting(tmp_path, before)
    change = measure_change(setting, before, after, np.arange(setting.windows.n_windows))

    def loss(replacement) -> float:
        found = [predict(setting.subject, batch, replacement) for batch in every_batch(setting)]
        return float(torch.cat([one.loss[one.counts] for one in found]).double().mean())

    original, zero = loss(None), loss(torch.zeros_like)
    for model, figures in ((before, change.before), (after, change.after)):
        spliced = loss(model)
        assert figures["loss_added"] == pytest.approx(spliced - original, rel=1e-4)
        assert figures["loss_recovered"] == pytest.approx((zero - spliced) / (zero - original), rel=1e-4)


def test_only_the_windows_named_are_read(toy, tmp_path):
    model = toy.random_sae()
    setting = toy.make_setting(tmp_path, model)
    rows = np.array([3, 4, 30])
    change = measure_change(setting, model, model, rows)
    assert change.n_tokens == int(setting.batch(rows).kept.sum())
    assert change.before == change.after


def test_an_encoder_has_no_loss(toy, tmp_path):
    model = toy.random_sae()
    setting = toy.make_setting(tmp_path, model, kind="encoder")
    change = measure_change(setting, model, rescaled(model, 2.0), np.arange(20))
    assert set(change.before) == set(change.difference) == {"fvu", "mse", "l2_ratio", "cosine", "l0"}


def test_another_encoder_is_refused(toy, tmp_path):
    model = toy.random_sae()
    other = sae.SAE(replace(model.cfg), **{**model.tensors(), "b_enc": model.b_enc + 0.01})
    with pytest.raises(AutointerpError, match="encode the same text differently"):
        measure_change(toy.make_setting(tmp_path, model), model, other, np.arange(20))
