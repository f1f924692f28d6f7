"""Removal and fronts on a model that answers at once."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch

from autointerp.evaluate import NotMeasurable, Site
from autointerp.evaluate._reconstruct import decode_sparse
from autointerp.evaluate.suites import pareto, removal


def with_others(toy, folder, *models):
    setting = toy.make_setting(folder, models[0])
    sites = tuple(Site(f"sae{i}", model, setting.subject) for i, model in enumerate(models))
    return replace(setting, sites=sites)


def test_what_is_decoded_from_sparse_activations_is_the_dense_result(toy, monkeypatch):
    model, x = toy.random_sae(), torch.randn(50, toy.D)
    monkeypatch.setattr(import_module("autointerp.evaluate._reconstruct"), "BLOCK_ELEMENTS", 7 * model.cfg.d_sae)
    assert torch.allclose(decode_sparse(model, model.encode_sparse(x), x), model(x), atol=1e-6)


def test_an_identity_sae_loses_nothing_until_something_is_removed(toy, tmp_path):
    found = removal.measure(toy.make_setting(tmp_path, toy.identity_sae()))
    curves = found.tables["curves"].frame
    whole = curves[curves["rule"] == "none"].iloc[0]
    assert whole["mse"] == pytest.approx(0, abs=1e-9)
    assert whole["ce_difference"] == pytest.approx(0, abs=1e-5)
    assert (curves[curves["rule"] != "none"]["mse"] > 0).all()
    assert any("No sparser SAE" in note for note in found.notes)


def test_every_curve_falls_in_l0_and_rises_in_error(toy, tmp_path):
    curves = removal.measure(toy.make_setting(tmp_path, toy.identity_sae())).tables["curves"].frame
    for _, rows in curves[curves["rule"] != "none"].groupby("rule", sort=False):
        assert rows["l0"].is_monotonic_decreasing
        assert rows["mse"].is_monotonic_increasing


def test_numbers_at_half_l0_lie_on_the_curve(toy, tmp_path):
    found = removal.measure(toy.make_setting(tmp_path, toy.identity_sae()))
    curves = found.tables["curves"].frame
    rows = curves[curves["rule"].isin(["none", "global"])].sort_values("l0")
    half = curves[curves["rule"] == "none"]["l0"].iloc[0] / 2
    number = next(one for one in found.numbers if one.name == "mse_at_half_l0_global")
    assert number.estimate.value == pytest.approx(np.interp(half, rows["l0"], rows["mse"]))
    assert number.estimate.standard_error > 0


def test_a_sparser_sae_is_held_against_the_removal_of_frequent_features(toy, tmp_path):
    wide = toy.identity_sae()
    sparser = toy.plain_sae(W_enc=wide.W_enc.data, b_enc=torch.full((2 * toy.D,), -0.4), W_dec=wide.W_dec.data)
    found = removal.measure(with_others(toy, tmp_path, wide, sparser))
    row = found.tables["frequent_against_trained"].frame.iloc[0]
    assert row["mse_removed"] - row["mse_trained"] == pytest.approx(row["mse_difference"])
    assert row["mse_difference"] > 3 * row["mse_difference_se"]  # shrinking a little is cheaper than losing dimensions


def test_removal_needs_a_model_that_predicts(toy, tmp_path):
    with pytest.raises(NotMeasurable, match="encoder"):
        removal.measure(toy.make_setting(tmp_path, toy.random_sae(), kind="encoder"))


def test_a_front_needs_two_saes(toy, tmp_path):
    with pytest.raises(NotMeasurable, match="several"):
        pareto.measure(toy.make_setting(tmp_path, toy.random_sae()))


def test_fronts_of_two_saes(toy, tmp_path):
    wide = toy.identity_sae()
    sparser = toy.plain_sae(W_enc=wide.W_enc.data, b_enc=torch.full((2 * toy.D,), -0.4), W_dec=wide.W_dec.data)
    found = pareto.measure(with_others(toy, tmp_path, wide, sparser))
    saes = found.tables["saes"].frame.set_index("sae")
    assert saes.loc["sae0", "mse"] == pytest.approx(0, abs=1e-9)
    assert saes.loc["sae0", "l0"] == pytest.approx(toy.D, rel=0.01)
    assert saes.loc["sae1", "l0"] < saes.loc["sae0", "l0"]
    fronts = found.tables["fronts"].frame
    ends = fronts[fronts["error"] == "mse"].sort_values("l0")["value"].to_numpy()
    assert ends[0] == pytest.approx(saes.loc["sae1", "mse"])
    assert ends[-1] == pytest.approx(0, abs=1e-9)
    assert set(found.pictures) == {"fronts", "activations"}


def test_an_encoder_has_a_front_without_loss(toy, tmp_path):
    setting = toy.make_setting(tmp_path, toy.random_sae(), kind="encoder")
    other = Site("other", toy.random_sae(seed=5), setting.subject)
    found = pareto.measure(replace(setting, sites=(*setting.sites, other)))
    assert set(found.tables["fronts"].frame["error"]) == {"mse"}
    assert any("encoder" in note for note in found.notes)
