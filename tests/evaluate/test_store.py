"""Findings on disk: what is measured is kept, what changed is measured again."""

from __future__ import annotations

import dataclasses
import json
from importlib import import_module

import numpy as np
import pandas as pd
import pytest

from autointerp.errors import UsageError
from autointerp.evaluate import (
    SUITES,
    Estimate,
    Findings,
    NotMeasurable,
    Picture,
    Setting,
    Site,
    Store,
    Stored,
    Suite,
    Table,
    choose_suites,
    new_figure,
    run_suites,
)
from autointerp.harvest import HarvestConfig
from autointerp.run import RunDirectory, Silence


def found() -> Findings:
    findings = Findings(notes=["left out"])
    findings.number("l0", Estimate(3.5, float("nan"), 12), "How many.")
    findings.tables["rows"] = Table(pd.DataFrame({"a": [1, 2], "b": ["x", "=y"]}), "Two rows.")
    figure, axes = new_figure()
    axes[0, 0].plot([1, 2], [3, 4])
    findings.pictures["line"] = Picture(figure, "A line", "It rises.")
    return findings


def stored(**changes) -> Stored:
    return Stored(**{"suite": "toy", "title": "Toy", "key": {"seed": 0}, **changes})


@pytest.fixture
def setting(toy, tmp_path) -> Setting:
    site = Site("toy", toy.random_sae(), toy.Subject())
    windows = toy.make_windows(20)
    return Setting(RunDirectory(tmp_path), (site,), windows, HarvestConfig(), n_tokens=50, progress=Silence())


@pytest.fixture
def counted(monkeypatch) -> tuple[Suite, list[Setting]]:
    """A suite, and the settings that it measured."""
    calls: list[Setting] = []
    module = import_module("autointerp.evaluate.suites.core")

    def measure(setting: Setting) -> Findings:
        calls.append(setting)
        return found()

    monkeypatch.setattr(module, "measure", measure)
    return Suite("toy", "Toy", "autointerp.evaluate.suites.core"), calls


def test_what_is_written_is_read_back(tmp_path) -> None:
    store = Store(RunDirectory(tmp_path))
    written = store.write(stored(), found())
    assert store.read("toy") == written
    assert (written.numbers[0].value, written.numbers[0].standard_error) == (3.5, None)
    assert written.notes == ["left out"]
    folder = store.folder / "toy"
    assert pd.read_parquet(folder / "rows.parquet")["b"].tolist() == ["x", "=y"]
    assert (folder / "line.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "line.svg").read_text().startswith("<svg")
    json.loads((folder / "findings.json").read_text(), parse_constant=pytest.fail)  # NaN is no JSON


@pytest.mark.parametrize("damage", ["missing", "truncated", "unknown field"])
def test_a_folder_that_is_not_whole_holds_nothing(tmp_path, damage: str) -> None:
    store = Store(RunDirectory(tmp_path))
    store.write(stored(), found())
    file = store.folder / "toy" / "findings.json"
    text = file.read_text()
    file.unlink() if damage == "missing" else file.write_text(
        text[:50] if damage == "truncated" else text.replace('"suite"', '"sweet"')
    )
    assert store.read("toy") is None


def test_a_write_that_is_interrupted_leaves_nothing_to_read(tmp_path, monkeypatch) -> None:
    store = Store(RunDirectory(tmp_path))
    store.write(stored(), found())
    module = import_module("autointerp.evaluate._store")
    monkeypatch.setattr(module, "as_png", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        store.write(stored(), found())
    assert store.read("toy") is None


def test_a_suite_that_is_done_is_not_measured_again(setting, counted) -> None:
    suite, calls = counted
    first = run_suites(setting, [suite])
    assert run_suites(setting, [suite]) == first
    assert len(calls) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda setting, toy: {"n_tokens": 51},
        lambda setting, toy: {"config": HarvestConfig(seed=1)},
        lambda setting, toy: {"config": HarvestConfig(keep_bos=True)},
        lambda setting, toy: {"windows": toy.make_windows(20, seed=1)},
        lambda setting, toy: {"sites": (Site("toy", toy.random_sae(seed=2), toy.Subject()),)},
    ],
    ids=["tokens", "seed", "keep_bos", "text", "SAE"],
)
def test_what_findings_depend_on_measures_again(toy, setting, counted, change) -> None:
    suite, calls = counted
    run_suites(setting, [suite])
    run_suites(dataclasses.replace(setting, **change(setting, toy)), [suite])
    assert len(calls) == 2


def test_a_newer_version_measures_again_and_a_half_written_folder_too(setting, counted) -> None:
    suite, calls = counted
    run_suites(setting, [suite])
    run_suites(setting, [dataclasses.replace(suite, version=2)])
    assert len(calls) == 2
    (Store(setting.run).folder / "toy" / "findings.json").unlink()
    run_suites(setting, [dataclasses.replace(suite, version=2)])
    assert len(calls) == 3


def test_other_saes_matter_only_where_suites_compare(toy, setting, counted) -> None:
    suite, calls = counted
    other = Site("other", toy.random_sae(seed=5), toy.Subject())
    more = dataclasses.replace(setting, sites=(*setting.sites, other))
    comparing = dataclasses.replace(suite, name="comparing", compares=True)
    run_suites(setting, [suite, comparing])
    run_suites(more, [suite, comparing])
    assert len(calls) == 3


def test_the_selection_matters_only_where_it_is_read(setting, counted) -> None:
    suite, calls = counted
    reading = dataclasses.replace(suite, name="reading", reads_selection=True)
    run_suites(setting, [suite, reading])
    setting.run.update(lambda manifest: manifest.config.update(groups={"top": [3, 1], "more": [3]}))
    later = dataclasses.replace(setting)
    assert later.selected == [1, 3]
    run_suites(later, [suite, reading])
    assert len(calls) == 3


def test_why_nothing_was_measured_is_kept(setting, monkeypatch) -> None:
    calls = []

    def measure(setting: Setting) -> Findings:
        calls.append(setting)
        raise NotMeasurable("An encoder has no loss.")

    monkeypatch.setattr(import_module("autointerp.evaluate.suites.core"), "measure", measure)
    suite = Suite("toy", "Toy", "autointerp.evaluate.suites.core")
    for _ in range(2):
        (result,) = run_suites(setting, [suite])
        assert result.not_measurable == "An encoder has no loss."
    assert len(calls) == 1


def test_suites_are_chosen_by_name_in_their_own_order() -> None:
    names = list(SUITES)
    assert [suite.name for suite in choose_suites(None)] == names
    assert [suite.name for suite in choose_suites([f"{names[1]}, {names[0]}", names[0]])] == names[:2]
    with pytest.raises(UsageError, match="no suite 'cores'"):
        choose_suites(["core,cores"])


def test_every_suite_has_a_measure_and_a_title() -> None:
    for suite in SUITES.values():
        assert callable(import_module(suite.module).measure)
        assert suite.title


def test_rows_hold_as_many_tokens_as_asked_and_a_smaller_setting_holds_the_first_of_them(setting) -> None:
    kept = sum(int(setting.batch(setting.rows[[i]]).kept.sum()) for i in range(len(setting.rows)))
    assert kept >= 50
    assert kept - int(setting.batch(setting.rows[[-1]]).kept.sum()) < 50
    few = setting.smaller(20)
    assert len(few.rows) < len(setting.rows)
    assert np.array_equal(few.rows, setting.rows[: len(few.rows)])
    assert setting.smaller(10**9).n_tokens == 50


def test_text_without_a_token_that_counts_is_refused(toy, setting) -> None:
    short = dataclasses.replace(setting.windows, lengths=np.full(20, 2, np.int32))
    with pytest.raises(UsageError, match="No window holds a token"):
        _ = dataclasses.replace(setting, windows=short).rows
