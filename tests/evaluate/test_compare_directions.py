"""Comparisons of dictionaries made by hand: what is shared, what is stable, what is missing."""

import numpy as np
import pandas as pd
import pytest
import torch

import sae
from autointerp.errors import UsageError
from autointerp.evaluate import as_svg
from autointerp.evaluate.compare import Dictionary, StableRule, measure_directions, read_dictionary
from autointerp.run import Silence

AXES = torch.eye(32)


def dictionary(name, directions, features=None):
    features = np.arange(len(directions)) if features is None else np.array(features)
    return Dictionary(name, features, directions)


def compare(a, b, seeds=(), **rule):
    return measure_directions(a, b, seeds, rule=StableRule(**rule), seed=0, progress=Silence())


def numbers(found):
    return {number.name: number.estimate for number in found.numbers}


def test_a_dictionary_that_holds_the_other_is_told_by_direction():
    found = compare(dictionary("small", AXES[:10]), dictionary("large", AXES[:25]))
    values = {name: estimate.value for name, estimate in numbers(found).items()}
    assert values["a_in_b_share_above_0_9"] == values["a_in_b_median"] == values["matched_mean"] == 1.0
    assert values["b_in_a_share_above_0_9"] == values["b_in_a_share_above_0_8"] == pytest.approx(0.4)
    assert values["b_in_a_median"] == 0.0
    # errors over features: a share's is the binomial's
    error = numbers(found)["b_in_a_share_above_0_9"].standard_error
    assert error == pytest.approx(np.sqrt(0.4 * 0.6 / 25), rel=0.2)


def test_rows_stand_for_both_ways_and_both_nulls():
    found = compare(dictionary("a", AXES[:10]), dictionary("b", AXES[:25]), [dictionary("s", AXES[:9])])
    rows = found.tables["comparisons"].frame
    assert list(zip(rows["features_of"], rows["found_in"], strict=True)) == [
        ("a", "b"), ("b", "a"),
        ("random spread like a", "b"), ("random spread like b", "a"),
        ("random uniform, as many as a", "b"), ("random uniform, as many as b", "a"),
        ("a", "s"), ("s", "a"),
    ]  # fmt: skip
    assert (rows["median"][2:6] < 0.9).all()
    assert rows["share_above_0_9"][6] == pytest.approx(0.9)
    assert rows["matched_mean"].notna().tolist() == [True, False, True, False, False, False, True, False]
    assert "<svg" in as_svg(found.pictures["cosines"].figure)


def test_tables_speak_of_the_saes_own_features():
    a, b = dictionary("a", AXES[:3], [4, 7, 9]), dictionary("b", AXES[[1, 0, 20]], [10, 20, 30])
    found = compare(a, b)
    frame = found.tables["features_a"].frame
    assert frame["feature"].tolist() == [4, 7, 9]
    assert frame["nearest"].tolist()[:2] == [20, 10]
    assert frame["matched"].tolist()[:2] == [20, 10]
    assert pd.isna(frame["matched"][2])
    back = found.tables["features_b"].frame
    assert back["matched"].tolist()[:2] == [7, 4]
    assert pd.isna(back["matched"][2])


def test_features_of_every_seed_that_the_other_lacks_are_listed():
    tilted = AXES[:8].clone()
    tilted[4] = AXES[4] + 0.3 * AXES[30]  # cosine 0.958
    tilted[5] = AXES[5] + 0.6 * AXES[30]  # cosine 0.857
    b = torch.cat([AXES[:3], (AXES[6] + 2.0 * AXES[31])[None]])  # cosine 0.447 with feature 6
    directions = {"a": AXES[:8], "s1": tilted, "s2": AXES[[0, 1, 2, 3, 4, 5, 6]]}
    a, s1, s2 = (dictionary(name, torch.nn.functional.normalize(rows, dim=1)) for name, rows in directions.items())
    found = compare(a, dictionary("b", torch.nn.functional.normalize(b, dim=1)), [s1, s2])
    frame = found.tables["stable_absent"].frame
    assert frame["feature"].tolist() == [3, 4, 6]  # 5 is not stable, 7 is in one seed only
    assert frame["cosine_b"].tolist() == pytest.approx([0.0, 0.0, 0.447], abs=1e-3)
    assert frame["lowest_seed_cosine"].tolist() == pytest.approx([1.0, 0.958, 1.0], abs=1e-3)
    assert frame["nearest_b"][2] == 3
    values = {name: estimate.value for name, estimate in numbers(found).items()}
    assert values["stable_share"] == pytest.approx(6 / 8)
    assert values["stable_absent_share"] == pytest.approx(3 / 6)
    # in the first seed's place nothing of the second is missing; the second lacks feature 7, one of the first's seven
    assert values["stable_absent_share_in_a_seed"] == pytest.approx(1 / (7 + 7))
    strict = compare(a, dictionary("b", AXES[:1]), [s1], stable_above=0.8, absent_below=-0.5)
    assert strict.tables["stable_absent"].frame.empty
    assert numbers(strict)["stable_share"].value == 1.0


def test_without_seeds_nothing_is_called_stable():
    found = compare(dictionary("a", AXES[:4]), dictionary("b", AXES[:4]))
    assert "stable_absent" not in found.tables
    assert any("--seed-of-a" in note for note in found.notes)


def make_model(**metadata):
    cfg = sae.SAEConfig("standard", 4, 6, metadata=sae.SAEMetadata(**metadata))
    tensors = {name: torch.zeros(shape) for name, shape in sae.SAE.shapes(cfg).items()}
    tensors["W_dec"][:5] = 2.0 * torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    return sae.SAE(cfg, **tensors)


def test_dead_features_are_left_out_when_the_sae_says_which():
    model = make_model(dead_train=(1, 3))
    whole, live = (read_dictionary("x", model, drop_dead=drop) for drop in (False, True))
    assert whole.features.tolist() == [0, 1, 2, 3, 4]  # 5 has no direction
    assert live.features.tolist() == [0, 2, 4]
    torch.testing.assert_close(live.directions.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(live.directions, whole.directions[[0, 2, 4]])
    assert any("2 features that were dead" in note for note in live.notes)
    silent = read_dictionary("x", make_model(), drop_dead=True)
    assert len(silent.features) == 5
    assert any("does not say which" in note for note in silent.notes)
    with pytest.raises(UsageError, match="no feature is left"):
        read_dictionary("x", make_model(dead_train=(0, 1, 2, 3, 4)), drop_dead=True)
