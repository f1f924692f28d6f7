"""A grid in one pass."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import autointerp
from autointerp.cli._sweep import describe
from autointerp.errors import MismatchError, UsageError
from autointerp.stats import homogeneity
from autointerp.train import SweepConfig, TrainingConfig, train_sae, train_sweep
from autointerp.verbs import SweepResult

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture
def grid(tmp_path: Path, letters: SimpleNamespace, subject: object, monkeypatch: pytest.MonkeyPatch) -> SweepConfig:
    monkeypatch.setattr(import_module("autointerp.train._sweep"), "load_subject", lambda *_, **__: subject)
    shared = {
        "hook_point": "blocks.0.hook_resid_post", "corpus": str(letters.write_corpus(tmp_path / "corpus.jsonl")),
        "context_length": 32, "n_tokens": 4000, "n_train": 4096, "n_eval": 500, "batch_size": 64, "buffer_size": 512,
        "l1_warmup_steps": 0,
    }  # fmt: skip
    values = {"expansion": [2, 4], "l1_coefficient": [0.1, 0.5], "resample_every": ["none", 10]}
    return SweepConfig(train=shared, grid=values)


def test_each_sae_is_the_one_it_would_be_alone(grid: SweepConfig, tmp_path: Path) -> None:
    folders = train_sweep(grid, tmp_path / "sweep")
    assert len(folders) == 8
    name = "expansion-4_l1_coefficient-0.5_resample_every-10"
    alone = train_sae(grid.variants()[name], tmp_path / "alone")
    for file in ("sae_weights.safetensors", "cfg.json", "evaluation.json", "metrics.csv"):
        assert (folders[name] / file).read_bytes() == (tmp_path / "alone" / file).read_bytes()
    assert alone.cfg.d_sae == 48


def test_a_sweep_that_was_stopped_goes_on(
    grid: SweepConfig, subject: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_sweep(grid, tmp_path / "whole")
    room = import_module("autointerp.train._sweep")
    write = room.write_metrics
    monkeypatch.setattr(room, "write_metrics", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train_sweep(grid, tmp_path / "stopped")
    monkeypatch.setattr(room, "write_metrics", write)
    with pytest.raises(UsageError, match="a sweep is already there"):
        train_sweep(grid, tmp_path / "stopped")
    for changes, message in (
        (
            {"grid": {**grid.grid, "expansion": [2]}},
            r"expansion in \[grid\] of this sweep: expected \[2, 4\], found \[2\]",
        ),
        ({"grid": dict(reversed(grid.grid.items()))}, r"the order of \[grid\]"),
        ({"train": {**grid.train, "lr": 0.5}}, r"lr in \[train\] of this sweep: expected None, found 0\.5"),
    ):
        with pytest.raises(MismatchError, match=message):
            train_sweep(grid.model_copy(update=changes), tmp_path / "stopped", resume=True)
    fingerprint = subject.fingerprint
    monkeypatch.setattr(subject, "fingerprint", "others")
    with pytest.raises(MismatchError, match="fingerprint of the model"):
        train_sweep(grid, tmp_path / "stopped", resume=True)
    monkeypatch.setattr(subject, "fingerprint", fingerprint)
    resumed = train_sweep(grid, tmp_path / "stopped", resume=True)
    for name, folder in whole.items():
        weights = "sae_weights.safetensors"
        assert (folder / weights).read_bytes() == (resumed[name] / weights).read_bytes()
    assert not (tmp_path / "stopped" / "unfinished").exists()
    assert train_sweep(grid, tmp_path / "stopped", resume=True) == resumed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[train]\nhook_point='h'\n[grid]\nbatch_size=[1,2]", "this can't vary"),
        ("[train]\nhook_point='h'\n[grid]\nnonsense=[1]", "no field of a training"),
        ("[train]\nhook_point='h'\nlr=1.0\n[grid]\nlr=[1.0]", "also stands in"),
        ("[train]\nhook_point='h'\n[grid]\nlr=[1.0, 1.0]", "each once"),
        ("[train]\nhook_point='h'\n[grid]\nlr=[-1.0]", "lr"),
        ("[train]\nhook_point='h'\n[grid]", "grid"),
        ("[grid", "not TOML"),
    ],
)
def test_bad_grids_are_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "grid.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        SweepConfig.read(file)
    with pytest.raises(UsageError, match="can't be read"):
        SweepConfig.read(tmp_path / "missing.toml")


@pytest.mark.parametrize("name", ["grid16", "gpt2_layer6_grid16"])
def test_the_study_is_sixteen_saes(name: str) -> None:
    variants = SweepConfig.read(CONFIGS / f"{name}.toml").variants()
    assert len(variants) == 16
    points = {
        (one.expansion, one.l1_coefficient, one.sae_config(one.n_train or 0).resamples) for one in variants.values()
    }
    assert len(points) == 16
    assert {one.l1_reduction for one in variants.values()} == {"code"}
    assert min(one.n_train or 0 for one in variants.values()) >= 1_000_000


def test_none_is_a_value_where_a_field_has_it_as_one() -> None:
    values = {"normalise": ["none", "expected_average"], "grad_clip": ["none", 2.0], "resample_every": ["none", 10]}
    config = SweepConfig(train={"hook_point": "h"}, grid=values)
    made = [(one.normalise, one.grad_clip, one.resample_every) for one in config.variants().values()]
    assert made[0] == ("none", None, None)
    assert len(set(made)) == 8
    assert config.points()[0] == {"normalise": "none", "grad_clip": "none", "resample_every": None}


def test_groups_that_can_not_be_read_are_refused_before_any_training(grid: SweepConfig, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'best10' is not a group"):
        autointerp.sweep(grid.model_copy(update={"features": "top5,best10"}), tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


def test_the_table_names_every_sae_with_its_numbers() -> None:
    row = {
        "name": "expansion-4", "d_sae": 768, "fvu": 0.25, "l0": 12.34, "dead_threshold": 77, "dead_never": 0,
        "dead_train": float("nan"), "dead_topk": 384,
        "label_k": 40, "label_n": 50, "label_rate": 0.8, "label_low": 0.67, "label_high": 0.89,
        "verified_k": 0, "verified_n": 0, "verified_rate": None, "verified_low": 0.0, "verified_high": 1.0,
    }  # fmt: skip
    said = describe(SweepResult(pd.DataFrame([row]), {"label": homogeneity([40], [50]), "verified": None}))
    line = said.splitlines()[-1].split()
    assert line == [
        "expansion-4",
        "768",
        "0.250",
        "12.3",
        "10.0%",
        "0.0%",
        "n/a",
        "50.0%",
        "80%",
        "[67%,",
        "89%]",
        "n/a",
    ]


def test_a_training_config_is_what_a_variant_is(grid: SweepConfig) -> None:
    assert all(isinstance(variant, TrainingConfig) for variant in grid.variants().values())
    assert grid.points()[0] == {"expansion": 2, "l1_coefficient": 0.1, "resample_every": None}
    for variant, point in zip(grid.variants().values(), grid.points(), strict=True):
        assert {name: getattr(variant, name) for name in point} == point
        assert variant.n_train == grid.train["n_train"]
