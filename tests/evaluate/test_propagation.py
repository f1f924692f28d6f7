"""The suite ``propagation``: identities, a model through which errors pass unchanged, and the random control."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autointerp.evaluate import NotMeasurable
from autointerp.evaluate._controls import random_error
from autointerp.evaluate.suites import propagation


def test_an_identity_sae_leaves_no_error_anywhere(toy, deep, tmp_path):
    sites = [("first", 0, toy.identity_sae()), ("second", 1, toy.identity_sae())]
    found = propagation.measure(deep.setting(tmp_path, sites))
    np.testing.assert_allclose(found.tables["propagation"].frame["relative_error"], 0, atol=1e-10)
    np.testing.assert_allclose(found.tables["splices"].frame["ce_difference"], 0, atol=1e-6)
    later = found.tables["later_saes"].frame
    np.testing.assert_allclose(later[["error_clean", "error_perturbed"]], 0, atol=1e-10)
    assert (later[["l0_clean", "l0_perturbed"]] == toy.D).all().all()


def test_blocks_that_add_nothing_pass_every_error_on(toy, deep, tmp_path):
    subject, model = deep.Subject(mixing=0.0), toy.random_sae()
    setting = deep.setting(tmp_path, [("one", 0, model)], subject=subject)
    frame = propagation.measure(setting).tables["propagation"].frame
    batch = setting.batch(setting.rows)
    x = setting.subject.residuals(batch.tokens)[batch.kept]
    own = ((model(x) - x).square().sum(dim=-1) / x.square().sum(dim=-1)).mean()
    assert set(frame["read_at"]) == {"blocks.1.hook_resid_post", "blocks.2.hook_resid_post"}
    np.testing.assert_allclose(frame["relative_error"], float(own), rtol=1e-4)  # the random error is as long


def test_mixing_blocks_change_the_error_and_only_later(toy, deep, tmp_path):
    found = propagation.measure(deep.setting(tmp_path, [("one", 1, toy.random_sae())]))
    frame = found.tables["propagation"].frame
    assert set(frame["read_at"]) == {"blocks.2.hook_resid_post"}
    assert set(frame["error"]) == {"sae", "random"}
    assert (frame["relative_error_se"] > 0).all()


def test_together_minus_sum_is_what_it_says(toy, deep, tmp_path):
    sites = [("b", 2, toy.random_sae(seed=2)), ("a", 0, toy.random_sae())]
    found = propagation.measure(deep.setting(tmp_path, sites))
    for _, rows in found.tables["splices"].frame.groupby("error"):
        cost = rows.set_index("spliced")["ce_difference"]
        assert list(cost.index[:2]) == ["a", "b"]
        assert cost["sum of each alone"] == pytest.approx(cost["a"] + cost["b"])
        assert cost["together minus sum"] == pytest.approx(cost["all together"] - cost["a"] - cost["b"])
    assert {"propagation", "splices"} <= found.pictures.keys()


def test_one_sae_a_hook_point_and_nothing_after_the_last_block(toy, deep, tmp_path):
    sites = [("kept", 2, toy.random_sae()), ("doubled", 2, toy.random_sae(12))]
    found = propagation.measure(deep.setting(tmp_path, sites))
    assert any(note.startswith("doubled was left out") for note in found.notes)
    assert any("after the last block" in note for note in found.notes)
    assert found.tables.keys() == {"splices"}


def test_an_encoder_is_not_measured(toy, deep, tmp_path):
    setting = deep.setting(tmp_path, [("one", 1, toy.random_sae())], subject=deep.Subject("encoder"))
    with pytest.raises(NotMeasurable, match="no next-token loss"):
        propagation.measure(setting)


def test_a_random_error_is_as_long_as_the_saes_and_points_elsewhere(toy):
    model = toy.random_sae()
    x = torch.randn(500, toy.D, generator=torch.Generator().manual_seed(3))
    error = model(x) - x
    other = random_error(model, torch.Generator().manual_seed(0))(x) - x
    torch.testing.assert_close(other.norm(dim=-1), error.norm(dim=-1))
    assert abs(torch.cosine_similarity(error, other).mean()) < 0.1
