"""Firings on whole windows: exactly what the statistics counted."""

from __future__ import annotations

import numpy as np
import pytest

from autointerp.errors import MismatchError
from autointerp.harvest import find_firings, load_features


@pytest.fixture(scope="module")
def made(tiny, tmp_path_factory):
    parts = tiny.make_parts()
    return parts, parts.harvest(tmp_path_factory.mktemp("run"))


def test_firings_are_the_activations_that_count_and_no_others(made, tiny):
    parts, run = made
    features, rows = [12, 3, tiny.ALWAYS_ON, tiny.NEVER_ON], np.arange(1, 60, 2)
    ticks = []
    found = find_firings(run, features, rows, **parts.inputs, progress=lambda *now: ticks.append(now))
    dense = parts.dense()[rows][:, :, sorted(features)] * parts.counts()[rows][..., None]
    window, position, column = np.nonzero(dense)
    assert len(window) > 100
    assert (found.window == rows[window]).all()
    assert (found.position == position).all()
    assert (found.feature == np.array(sorted(features))[column]).all()
    assert np.allclose(found.value, dense[window, position, column], atol=1e-5)
    assert ticks[-1] == (30, 30)


def test_over_all_windows_they_are_as_many_as_the_statistics_say(made, tiny):
    parts, run = made
    found = find_firings(run, range(tiny.D_SAE), np.arange(60), **parts.inputs)
    n_active = load_features(run).sort_values("feature")["n_active"]
    assert np.bincount(found.feature, minlength=tiny.D_SAE).tolist() == n_active.tolist()


@pytest.mark.parametrize(("features", "rows"), [([], np.arange(8)), ([3], np.arange(0)), ([7], np.arange(8))])
def test_nothing_is_found_where_nothing_is(made, features, rows):
    parts, run = made
    assert len(find_firings(run, features, rows, **parts.inputs).value) == 0


def test_other_inputs_are_refused(made, tiny):
    parts, run = made
    other = tiny.make_windows(seed=1)
    with pytest.raises(MismatchError):
        find_firings(run, [3], np.arange(8), model=parts.model, subject=parts.subject, windows=other)
