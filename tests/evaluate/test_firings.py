"""The sparse matrix of activations, against the dense one."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def setting(toy, tmp_path_factory):
    return toy.make_setting(tmp_path_factory.mktemp("firings"), toy.random_sae())


def test_every_activation_of_every_real_token_is_there(toy, setting) -> None:
    firings, windows = setting.firings, setting.windows
    assert len(firings) == int(windows.lengths[setting.rows].sum())
    batch = setting.batch(setting.rows)
    dense = setting.model.encode(setting.subject.residuals(batch.tokens)).numpy()
    real = np.arange(toy.CONTEXT) < windows.lengths[setting.rows][:, None]
    assert firings.values.toarray() == pytest.approx(dense[real], abs=1e-5)
    assert np.array_equal(firings.token, windows.tokens[setting.rows][real])
    assert np.array_equal(firings.kept, batch.kept.numpy()[real])
    assert np.array_equal(firings.cluster, np.repeat(setting.clusters(setting.rows), real.sum(axis=1)))


def test_the_token_before_is_known_but_for_the_first(setting) -> None:
    firings = setting.firings
    assert (firings.previous[firings.position == 0] == -1).all()
    later = np.flatnonzero(firings.position > 0)
    assert np.array_equal(firings.previous[later], firings.token[later - 1])


def test_only_tokens_that_count_are_counted(setting) -> None:
    counted = setting.firings.counted
    assert counted.position.min() == 2  # BOS and the first position are left out
    assert len(counted) == setting.sketch.n_tokens
    assert np.array_equal(counted.active.sum(axis=0), setting.sketch.n_active)


def test_a_feature_is_its_column(setting) -> None:
    firings = setting.firings
    feature = int(setting.sketch.n_active.argmax())
    rows, values = firings.of_feature(feature)
    column = firings.values.toarray()[:, feature]
    assert np.array_equal(np.sort(rows), np.flatnonzero(column))
    assert values == pytest.approx(column[rows])


def test_firings_are_those_of_few_tokens(toy, tmp_path, monkeypatch) -> None:
    from importlib import import_module

    monkeypatch.setattr(import_module("autointerp.evaluate._setting"), "FIRINGS_TOKENS", 30)
    few = toy.make_setting(tmp_path, toy.random_sae()).firings
    assert 30 <= few.kept.sum() < 30 + toy.CONTEXT
