"""The TOML file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import sae
from autointerp.errors import UsageError
from autointerp.train import TrainingConfig
from autointerp.train._sae_fields import SAEFields

HOOK = 'hook_point = "blocks.0.hook_resid_post"\n'


def read(folder: Path, text: str) -> TrainingConfig:
    path = folder / "config.toml"
    path.write_text(HOOK + text, encoding="utf-8")
    return TrainingConfig.read(path)


def test_every_setting_of_the_core_is_reachable_under_its_name() -> None:
    core = {field.name for field in dataclasses.fields(sae.TrainConfig)}
    assert set(SAEFields.model_fields) == core - {"n_tokens"}


def test_every_field_is_documented() -> None:
    assert [name for name, field in TrainingConfig.model_fields.items() if not field.description] == []


def test_defaults_train_as_they_always_did() -> None:
    settings = TrainingConfig(hook_point="x").sae_config(10**6)
    changed = {
        "expansion": 8,
        "l1_coefficient": 2.0,
        "l1_warmup_steps": 100,
        "lr": 3e-3,
        "batch_size": 1024,
        "resample_dead_window": 200,
    }
    assert settings == sae.TrainConfig(n_tokens=10**6, **changed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('architecture = "topk"\nk = 8', {"architecture": "topk", "k": 8}),
        ('architecture = "matryoshka"\nk = 4\nd_sae = 64\nwidths = [16, 64]', {"d_sae": 64, "widths": (16, 64)}),
        ('penalty = "sqrt"\nl1_coefficient = 1', {"penalty": "sqrt", "l1_coefficient": 1.0}),
        ('grad_clip = "none"\nbetas = [0.0, 0.999]', {"grad_clip": None, "betas": (0.0, 0.999)}),
        ('resample_mode = "bricken"', {"resample_mode": "bricken", "resample_dead_window": None}),
        ('encoder_dtype = "bfloat16"\ndevice = "cuda"', {"encoder_dtype": "bfloat16", "device": "cuda"}),
        ("d_sae = 96", {"d_sae": 96, "expansion": None}),
    ],
)
def test_fields_reach_the_core(text: str, expected: dict[str, object], tmp_path: Path) -> None:
    settings = read(tmp_path, text).sae_config(10**6)
    assert {name: getattr(settings, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("expansoin = 8", ("expansoin", "expansion")),
        ("lr = -1", ("lr", "Adam's peak learning rate")),
        ('lr = "fast"', ("lr",)),
        ('architecture = "relu"', ("architecture", "relu", "topk")),
        ('architecture = "topk"', ("needs k",)),
        ('penalty = "cube"', ("cube",)),
        ("expansion = 4\nd_sae = 64", ("either d_sae or expansion",)),
        ("batch_size = 4096\nbuffer_size = 1024", ("buffer_size (1024)", "4096")),
        ('cache_dtype = "int8"', ("cache_dtype", "float16")),
        ('lr = "0.001"', ("lr: ", "number")),
        ("n_tokens = 1e6", ("n_tokens: ", "integer")),
        ("k = true", ("k: ", "integer")),
        ("drop_bos = 1", ("drop_bos: ", "boolean")),
        ('prepend_bos = "yes"', ("prepend_bos: ", "boolean")),
        ("betas = [0.9, 1.0]", ("betas must be at least 0 and below 1",)),
        ("betas = [0.9]", ("betas",)),
        ('widths = ["16", 64]', ("widths.0: ", "integer")),
        ("seed = -1", ("seed: ", "greater than or equal to 0")),
        ('device = "tpu"', ("device must be one that torch has",)),
        ("lr = inf", ("lr: ", "finite")),
        ("grad_clip = nan", ("grad_clip: ", "finite")),
        ("aux_coefficient = nan", ("aux_coefficient: ", "finite")),
        ("= 3", ("not TOML",)),
    ],
)
def test_what_is_wrong_is_named_with_the_file(text: str, words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, text)
    for word in (*words, "config.toml"):
        assert word in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml"):
        TrainingConfig.read(tmp_path / "none.toml")
