"""The suite ``steering``: interventions do what they say, and chosen gains are measured where they were not chosen."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

import sae
from autointerp.evaluate import NotMeasurable, predict
from autointerp.evaluate.suites import steering
from autointerp.evaluate.suites.steering._held_out import gain_left, held_out
from autointerp.evaluate.suites.steering._interventions import add_direction, remove_feature


def test_a_strength_of_zero_is_a_no_op(toy, deep, tmp_path):
    setting = deep.setting(tmp_path, [("one", 1, toy.random_sae())])
    batch = setting.batch(setting.rows)
    steered = predict(setting.subject, batch, add_direction(setting.model.W_dec[3], 0.0))
    assert torch.equal(steered.log_probabilities, predict(setting.subject, batch).log_probabilities)


def test_a_direction_is_added_at_the_length_asked_for(toy):
    x, direction = torch.randn(20, toy.D), torch.full((toy.D,), 7.0)
    step = add_direction(direction, 2.5)(x) - x
    torch.testing.assert_close(step.norm(dim=-1), torch.full((20,), 2.5))
    torch.testing.assert_close(torch.cosine_similarity(step, direction.expand(20, -1)), torch.ones(20))


@pytest.mark.parametrize("normalisation", ["none", "layer_norm", "constant_norm_rescale"])
def test_removal_takes_the_features_part_away_and_keeps_the_error(toy, normalisation):
    plain = toy.random_sae()
    model = sae.SAE(dataclasses.replace(plain.cfg, normalize_activations=normalisation), **plain.tensors())
    x = 3 * torch.randn(300, toy.D, generator=torch.Generator().manual_seed(0))
    features = model.encode(x)
    feature = int((features > 0).sum(dim=0).argmax())
    without = features.clone()
    without[:, feature] = 0
    expected = x - model.decode(features, x=x) + model.decode(without, x=x)
    found = remove_feature(model, feature)(x)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    silent = features[:, feature] == 0
    assert 0 < silent.sum() < len(x)
    assert torch.equal(found[silent], x[silent])


def test_noise_that_was_chosen_has_no_gain_left():
    random = np.random.default_rng(0)
    explain, score = random.normal(size=(2, 4_000))
    results = held_out(explain, score)
    assert results["share_improving_explain"].value == pytest.approx(0.5, abs=0.05)
    assert results["chosen_explain"].value == pytest.approx(-np.sqrt(2 / np.pi), abs=0.05)  # as good as it looks
    assert results["chosen_score"].value == pytest.approx(0, abs=0.06)
    assert abs(results["gain_left"].value) < 4 * results["gain_left"].standard_error < 0.3


def test_effects_without_noise_keep_their_gain():
    random = np.random.default_rng(0)
    effect = random.normal(size=300)
    results = held_out(effect, effect)
    assert results["gain_left"].value == pytest.approx(1)
    assert results["chosen_improving_score"].value == 1
    assert results["chosen_improving_score"].standard_error > 0  # none of 150 failing is no certainty


def test_a_few_chosen_say_nothing_of_a_mean():
    both = np.array([[-1.0, -2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0]])
    assert np.isnan(gain_left(both))
    results = held_out(both[0], np.array([1.0, np.nan, 1.0, 1.0]))
    assert results["share_improving_explain"].value == pytest.approx(1 / 3)  # what has no score half is left out
    assert np.isnan(results["chosen_score"].value)


@pytest.fixture(scope="module")
def measured(toy, deep, tmp_path_factory):
    setting = deep.setting(tmp_path_factory.mktemp("steering"), [("one", 2, toy.random_sae())])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steering, "N_FEATURES", 6)
        patch.setattr(steering, "N_RANDOM", 3)
        return setting, steering.measure(setting)


def test_every_feature_has_a_row(measured):
    setting, found = measured
    frame = found.tables["features"].frame
    assert len(frame) == 6
    assert frame["feature"].is_monotonic_increasing
    for intervention in ("add_0.03", "add_0.1", "add_0.3", "remove"):
        for half in ("explain", "score"):
            assert (frame[f"{intervention}_{half}_kl"] > 0).all()
            assert (frame[f"{intervention}_{half}_ce_change_se"].notna()).all()
    assert (frame["add_0.3_score_kl"] > frame["add_0.03_score_kl"]).all()
    batch = setting.batch(setting.rows)
    active = setting.model.encode(setting.subject.residuals(batch.tokens))[batch.kept]
    for row in frame.to_dict("records"):
        assert row["n_firing"] == int((active[:, row["feature"]] > 0).sum())
        assert row["max_activation"] == pytest.approx(float(active[:, row["feature"]].max()))


def test_at_the_last_block_the_direct_effect_is_the_measured_one(measured, toy):
    setting, found = measured
    frame = found.tables["features"].frame
    assert (frame["direct_correlation"] > 0.95).all()  # logits are linear there
    row = frame.iloc[0]
    direct = setting.model.W_dec[int(row["feature"])] @ setting.subject.unembedding()
    best = toy.PIECES[int(direct.argmax())]
    assert json.loads(row["promoted_direct"])[0] == best
    assert best in json.loads(row["promoted"])


def test_tables_have_features_and_random_directions(measured):
    _, found = measured
    effects = found.tables["effects"].frame
    assert set(effects.loc[effects["kind"] == "random", "intervention"]) == {"add 0.03", "add 0.1", "add 0.3"}
    assert effects.loc[effects["kind"] == "feature", "n"].tolist() == [6, 6, 6, 6]
    assert {"effects", "held_out"} <= found.pictures.keys()
    assert {number.name for number in found.numbers} >= {"share_improving_remove", "direct_logit_correlation"}


def test_an_sae_that_never_fires_is_not_measured(toy, deep, tmp_path):
    silent = toy.plain_sae(b_enc=torch.full((8,), -1.0))
    with pytest.raises(NotMeasurable, match="No feature fires in both halves"):
        steering.measure(deep.setting(tmp_path, [("one", 1, silent)]))
