"""The suite ``density``: every feature in one bin, and planted dense features in their classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autointerp.evaluate.suites import density
from autointerp.evaluate.suites.density._classes import classify
from autointerp.evaluate.suites.density._histogram import density_histogram
from autointerp.evaluate.suites.density._ranges import RANGES, density_ranges, mean_cosine

N_WINDOWS = 150


@pytest.fixture(scope="module")
def planted(toy):
    """A feature of each class over random text in which tokens 2, 3 and 4 are frequent; and their classes."""
    random = np.random.default_rng(0)
    position = np.tile(np.arange(toy.CONTEXT), N_WINDOWS)
    token = random.choice([2, 3, 4, *range(5, 40)], size=len(position), p=[0.15] * 3 + [0.55 / 35] * 35)
    token[position == 0] = 0
    previous = np.roll(token, 1)
    features = {
        "all but BOS": position > 0,
        "every token": np.ones(len(position)),
        "positional": position >= toy.CONTEXT - 2,
        "after X": (previous == 2) & (position > 1),
        "lexical": np.isin(token, [3, 4]),
        "unexplained": random.random(len(position)) < 0.3,
    }
    values = np.stack([column.astype(float) for column in features.values()], axis=1)
    return toy.make_firings(values, token=token, position=position, kept=position > 0), list(features)


def test_planted_features_are_in_their_classes(toy, planted) -> None:
    firings, classes = planted
    features = np.arange(len(classes))[::-1]
    table = classify(firings, features, bos_id=0, pieces=toy.Subject().pieces)
    assert table["feature"].tolist() == features.tolist()
    assert table["class"].tolist() == classes[::-1]
    by_class = table.set_index("class")
    assert by_class.loc["after X", "tokens"] == toy.PIECES[2]
    assert sorted(by_class.loc["lexical", "tokens"].split(" | ")) == sorted([toy.PIECES[3], toy.PIECES[4]])
    assert by_class.loc["all but BOS", "active_at_bos"] == 0
    assert by_class.loc["positional", "explained_by_position"] == pytest.approx(1)
    assert abs(by_class.loc["unexplained", "explained_by_token"]) < 0.1


def test_without_bos_nothing_is_said_of_it(toy, planted) -> None:
    firings, _ = planted
    table = classify(firings.counted, np.array([0]), bos_id=None, pieces=toy.Subject().pieces)
    assert table["class"].tolist() == ["every token"]
    assert np.isnan(table["active_at_bos"][0])


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=50), st.integers(1000, 10**7))
def test_every_feature_is_in_one_bin(counts: list[int], n_tokens: int) -> None:
    histogram = density_histogram(np.array(counts), n_tokens)
    assert histogram["n_features"].sum() == len(counts)
    assert histogram["n_features"][0] == counts.count(0)
    for count in counts:
        inside = (histogram["low"] <= np.log10(count / n_tokens)) if count else histogram["low"].isna()
        assert histogram["n_features"][inside].sum() >= 1


def test_ranges_count_what_they_name() -> None:
    values = np.array([0, 5e-7, 5e-6, 5e-5, 5e-3, 0.05, 0.15, 0.5])
    table = density_ranges(values, torch.randn(6, len(values)), n_tokens=10**7, seed=0).set_index("range")
    expected = {"never": 1, "below_1e-6": 1, "below_1e-5": 2, "below_1e-4": 3, "above_0.01": 3, "above_0.1": 2}
    assert table["n_features"].to_dict() == {**expected, "above_0.2": 1}
    assert table.index.tolist() == list(RANGES)
    assert np.isnan(table.loc["never", "encoder_cosine"])


def test_a_cluster_of_one_direction_shows_in_its_cosine() -> None:
    direction = torch.nn.functional.normalize(torch.randn(6, 1), dim=0)
    assert mean_cosine(direction.repeat(1, 4)) == pytest.approx(1, abs=1e-6)
    assert mean_cosine(torch.eye(5)) == pytest.approx(0, abs=1e-6)


def test_the_suite_lists_dense_features_with_their_density(toy, tmp_path) -> None:
    setting = toy.make_setting(tmp_path, toy.random_sae())
    found = density.measure(setting)
    share = setting.sketch.n_active / setting.sketch.n_tokens
    assert (share > density.DENSE).any()
    table = found.tables["dense"].frame
    assert set(table["feature"]) == set(np.flatnonzero(share > density.DENSE))
    assert np.allclose(table["density"], share[table["feature"]])
    by_name = {number.name: number.estimate.value for number in found.numbers}
    assert by_name["share_never"] == pytest.approx((share == 0).mean())
    assert by_name["median_log10_density"] == pytest.approx(np.log10(np.median(share[share > 0])))
    assert any("can't be told apart" in note for note in found.notes)


def test_a_dictionary_without_dense_features_has_no_list(toy, tmp_path) -> None:
    found = density.measure(toy.make_setting(tmp_path, toy.plain_sae()))
    assert "dense" not in found.tables
    assert any("No feature fires on more than 10%" in note for note in found.notes)
