"""The suite ``position``: planted features of position, and what chance gives."""

from __future__ import annotations

import numpy as np
import pytest

from autointerp.evaluate._explained import explained_by
from autointerp.evaluate.suites import position
from autointerp.evaluate.suites.position._curves import curves_of
from autointerp.evaluate.suites.position._information import information, null_information

N_WINDOWS = 200
RAMP, FIRST, LAST, CHANCE = range(4)


@pytest.fixture(scope="module")
def planted(toy):
    """A ramp over positions, the first token, the last two positions, and coin throws."""
    random = np.random.default_rng(0)
    at = np.tile(np.arange(toy.CONTEXT), N_WINDOWS)
    columns = [at.astype(float), at == 0, 3.0 * (at >= toy.CONTEXT - 2), random.random(len(at)) < 0.2]
    return toy.make_firings(np.stack(columns, axis=1), position=at)


@pytest.fixture(scope="module")
def table(planted):
    return position.position_table(curves_of(planted), first=0, seed=0)


def test_position_explains_planted_features_and_no_others(table) -> None:
    assert table["r2"][[RAMP, FIRST, LAST]].tolist() == pytest.approx([1] * 3)
    assert abs(table["r2"][CHANCE]) < 0.02
    assert abs(table["information"][CHANCE]) < 0.01
    assert table["z"][LAST] > 10


def test_information_is_the_entropy_where_position_decides(table, toy) -> None:
    share = 2 / toy.CONTEXT
    entropy = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
    assert table["information"][LAST] + table["null"][LAST] == pytest.approx(entropy)


def test_first_token_features_are_flagged(planted, table) -> None:
    assert table["first_token"].tolist() == [False, True, False, False]
    assert (table["p_first"][FIRST], table["p_later"][FIRST]) == (1, 0)
    rows = curves_of(planted).rows(FIRST)
    assert rows["p_active"].tolist() == [1] + [0] * (len(rows) - 1)
    assert rows["mean_activation"].isna().sum() == len(rows) - 1


def test_the_curve_of_a_ramp_is_the_ramp(planted) -> None:
    rows = curves_of(planted).rows(RAMP)
    assert rows["mean_activation"][1:].tolist() == pytest.approx(rows["position"][1:].tolist())
    assert rows["p_active"].tolist() == [0] + [1] * (len(rows) - 1)


def test_the_null_is_what_random_places_give() -> None:
    random, tokens = np.random.default_rng(3), np.array([300, 300, 200, 50])
    places = np.repeat(np.arange(4), tokens)
    for n in (1, 7, 60):
        drawn = [np.bincount(random.choice(places, n, replace=False), minlength=4) for _ in range(400)]
        bits = information(np.array(drawn), tokens)
        mean, deviation = (part[0] for part in null_information(np.array([n]), tokens, seed=0))
        assert mean == pytest.approx(bits.mean(), abs=4 * bits.std() / np.sqrt(20))
        assert 0 < deviation < 3 * bits.std()


def test_information_of_nothing_is_nothing() -> None:
    tokens = np.array([5, 5])
    assert information(np.array([[0, 0], [5, 5]]), tokens).tolist() == [0, 0]
    assert [len(part) for part in null_information(np.zeros(0, np.int64), tokens, seed=0)] == [0, 0]


def test_many_groups_explain_nothing_by_chance() -> None:
    from scipy.sparse import csr_array

    random = np.random.default_rng(5)
    values = random.random((2000, 30)) * (random.random((2000, 30)) < 0.2)
    share = explained_by(csr_array(values), random.integers(0, 500, 2000))
    assert abs(share.mean()) < 0.01
    constant = explained_by(csr_array(np.ones((10, 1))), np.arange(10) % 2)
    assert np.isnan(constant).all()


def test_explained_variance_is_the_textbooks() -> None:
    from scipy.sparse import csr_array
    from scipy.stats import f_oneway

    random, group = np.random.default_rng(6), np.repeat(np.arange(5), 8)
    values = random.normal(size=40) + 0.5 * group + 3
    between = f_oneway(*(values[group == g] for g in range(5))).statistic
    epsilon_squared = (between - 1) * 4 / (between * 4 + 35)  # Kelley 1935, from F
    assert explained_by(csr_array(values[:, None]), group)[0] == pytest.approx(epsilon_squared)


def test_the_suite_reads_first_positions_but_for_bos(toy, tmp_path) -> None:
    setting = toy.make_setting(tmp_path, toy.random_sae())
    found = position.measure(setting)
    rows = found.tables["by_position"].frame
    assert rows["position"].min() == 1
    assert rows.groupby("feature")["n_tokens"].sum().unique().tolist() == [setting.windows.n_tokens]
    table = found.tables["features"].frame
    assert table["p_bos"].isin([0, 1]).all()  # BOS is always the same activation
    assert set(found.pictures) == {"by_position", "information"}
    assert {number.name for number in found.numbers} == {
        "share_positional",
        "share_first_token",
        "position_information",
    }


def test_an_sae_that_never_fires_has_no_pictures(toy, tmp_path) -> None:
    found = position.measure(toy.make_setting(tmp_path, toy.plain_sae()))
    assert not found.pictures
    assert found.tables["features"].frame.empty
    assert found.notes
