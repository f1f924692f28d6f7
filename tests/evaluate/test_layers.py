"""The suite ``layers``: identities, order, and what is said of one SAE alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autointerp.evaluate import predict
from autointerp.evaluate.suites import layers
from autointerp.evaluate.suites.layers import _separability


@pytest.fixture(autouse=True)
def _no_umap(monkeypatch):
    """UMAP takes most of a minute to compile."""
    monkeypatch.setattr(_separability, "umap", lambda points, seed: points[:, :2] + seed)


def test_an_identity_sae_costs_nothing_at_any_layer(toy, deep, tmp_path):
    setting = deep.setting(tmp_path, [("late", 2, toy.identity_sae()), ("early", 0, toy.identity_sae())])
    frame = layers.measure(setting).tables["layers"].frame
    assert list(frame["sae"]) == ["early", "late"]  # in the order of the model, not as given
    np.testing.assert_allclose(frame["fvu"], 0, atol=1e-10)
    np.testing.assert_allclose(frame["ce_difference"], 0, atol=1e-6)
    np.testing.assert_allclose(frame["l2_ratio"], 1, atol=1e-6)
    assert (frame["l0"] == toy.D).all()
    assert (frame["n_dead"] == 0).all()


def test_each_row_is_what_its_own_hook_point_gives(toy, deep, tmp_path):
    setting = deep.setting(
        tmp_path, [("a", 1, toy.random_sae(24)), ("b", 1, toy.random_sae(12)), ("c", 0, toy.random_sae())]
    )
    found = layers.measure(setting)
    frame = found.tables["layers"].frame.set_index("sae")
    assert list(frame.index) == ["c", "b", "a"]  # by hook point, then by width
    batch = setting.batch(setting.rows)
    site = setting.sites[0]
    x = site.subject.residuals(batch.tokens)[batch.kept]
    error = (site.model(x) - x).square().sum() / (x - x.mean(dim=0)).square().sum()
    original, spliced = predict(site.subject, batch), predict(site.subject, batch, site.model)
    difference = (spliced.loss - original.loss)[original.counts].mean()
    assert frame.loc["a", "fvu"] == pytest.approx(float(error), rel=1e-5)
    assert frame.loc["a", "ce_difference"] == pytest.approx(float(difference), rel=1e-4)
    assert frame.loc["a", "n_dead"] == int((~(site.model.encode(x) > 0).any(dim=0)).sum()) > 0
    errors = [column for column in frame if column.endswith("_se")]
    assert len(errors) == 5
    assert (frame[errors] > 0).all().all()
    assert {"layers", "widths", "norms", "token_losses"} <= found.pictures.keys()
    correlations = found.tables["loss_correlations"].frame
    assert set(zip(correlations["sae"], correlations["other"], strict=True)) == {("c", "b"), ("c", "a"), ("b", "a")}


def test_the_norms_of_all_blocks_are_there_for_one_sae(toy, deep, tmp_path):
    setting = deep.setting(tmp_path, [("one", 1, toy.random_sae())])
    found = layers.measure(setting)
    norms = found.tables["norms"].frame
    assert list(norms["hook_point"]) == [f"blocks.{block}.hook_resid_post" for block in range(3)]
    batch = setting.batch(setting.rows)
    for row in norms.to_dict("records"):
        length = setting.subject.at(row["hook_point"]).residuals(batch.tokens).norm(dim=-1)
        real = torch.arange(length.shape[1]) < batch.lengths[:, None]
        assert row["mean_norm"] == pytest.approx(float(length[batch.kept].mean()), rel=1e-5)
        assert row["mean_norm_with_position_0"] == pytest.approx(float(length[real].mean()), rel=1e-5)
        assert row["norm_at_position_0"] == pytest.approx(float(length[:, 0].mean()), rel=1e-5)
    assert "layers" not in found.pictures
    assert any("several layers" in note for note in found.notes)


def test_an_encoder_has_norms_and_reconstruction_and_no_loss(toy, deep, tmp_path):
    setting = deep.setting(tmp_path, [("one", 1, toy.random_sae())], subject=deep.Subject("encoder"))
    found = layers.measure(setting)
    assert "ce_difference" not in found.tables["layers"].frame
    assert found.tables.keys() == {"norms", "layers"}


def test_separability_is_measured_where_there_is_enough_text(toy, deep, tmp_path):
    found = layers.measure(deep.setting(tmp_path, [("one", 1, toy.random_sae()), ("two", 0, toy.random_sae(12))]))
    frame = found.tables["separability"].frame
    assert list(frame["sae"]) == ["two", "one"]
    assert frame["auroc"].between(0.3, 1).all()
    first = frame.set_index("sae").loc["one", "auroc"]
    assert next(number for number in found.numbers).estimate.value == first
    assert f"The AUROC is {first:.2f}" in found.pictures["token_map"].reading

    few = layers.measure(deep.setting(tmp_path, [("one", 1, toy.random_sae())], n=12))
    assert "separability" not in few.tables
    assert any("are too few" in note for note in few.notes)
