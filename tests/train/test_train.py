"""A whole training: files, stops, caches, logs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch

import autointerp
import sae
from autointerp.errors import MismatchError, UsageError
from autointerp.run import Silence
from autointerp.train import TrainingConfig


class PowerCut(BaseException):
    """Nothing catches it: the process is as good as killed."""


class Watch(Silence):
    """Listens, and pulls the plug when training has come to a step."""

    def __init__(self, stop_at_step: int | None = None) -> None:
        self.stop_at_step, self.said, self.ticks = stop_at_step, [], []

    @contextmanager
    def stage(self, name: str, unit: str) -> Iterator[Any]:
        def tick(done: int, total: int, note: str = "") -> None:
            if name != "training":
                return
            self.ticks.append(done // 64)
            if self.stop_at_step is not None and done >= self.stop_at_step * 64:
                raise PowerCut

        yield tick

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


@pytest.fixture
def config(letters, tmp_path: Path) -> TrainingConfig:
    """60 steps."""
    return TrainingConfig(
        model="letters",
        hook_point="blocks.0.hook_resid_post",
        corpus=str(letters.write_corpus(tmp_path / "corpus.jsonl")),
        context_length=32,
        n_tokens=3000,
        n_train=60 * 64,
        n_eval=1000,
        expansion=2,
        l1_coefficient=0.3,
        batch_size=64,
        buffer_size=512,
        resample_every=20,
        resample_dead_window=10,
        log_every=5,
        checkpoint_every=7,
    )


def weights(folder: Path) -> bytes:
    return (folder / "sae_weights.safetensors").read_bytes()


def test_a_training_leaves_an_sae_its_metrics_and_its_evaluation(config, subject, tmp_path: Path) -> None:
    trained = autointerp.train(config, tmp_path / "sae")
    again = sae.load(tmp_path / "sae")
    assert torch.equal(again.W_dec, trained.W_dec)
    assert again.cfg.metadata.extra["training"]["n_train"] == 60 * 64
    evaluation = json.loads((tmp_path / "sae" / "evaluation.json").read_text())
    assert evaluation["held_out"] is True
    assert 500 < evaluation["n_tokens"] <= 1000
    assert 0 < evaluation["fvu"] < 0.5
    assert evaluation["n_features"] == again.cfg.d_sae
    assert evaluation["dead"]["train_window"] == again.cfg.metadata.n_dead_train
    assert not (tmp_path / "sae" / "unfinished").exists()


def test_the_three_files_of_metrics_hold_the_same(config, subject, tmp_path: Path) -> None:
    autointerp.train(config, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "training.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, *range(5, 61, 5)]
    assert {"l0", "mse", "fvu", "n_dead"} <= set(rows[0])
    frame = pd.read_parquet(tmp_path / "metrics.parquet")
    pd.testing.assert_frame_equal(frame, pd.DataFrame(rows))
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "metrics.csv"), frame, check_dtype=False)


@pytest.mark.parametrize("stop", [5, 20, 45, 60])
def test_a_training_that_was_stopped_ends_with_the_same_weights(stop: int, config, subject, tmp_path: Path) -> None:
    autointerp.train(config, tmp_path / "whole")
    with pytest.raises(PowerCut):
        autointerp.train(config, tmp_path / "cut", progress=Watch(stop))
    assert not (tmp_path / "cut" / "cfg.json").exists()
    (tmp_path / "cut" / ".sae_weights.safetensors.x1y2z3.tmp").touch()  # what a kill while it is written leaves
    watch = Watch()
    autointerp.train(config, tmp_path / "cut", resume=True, progress=watch)
    if stop > config.checkpoint_every:
        assert watch.ticks[0] > stop - config.checkpoint_every  # it did not begin again
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")
    assert not list((tmp_path / "cut").glob(".*.tmp"))
    for name in ("training.jsonl", "metrics.csv", "evaluation.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_a_stopped_training_is_not_overwritten(config, subject, tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        autointerp.train(config, tmp_path / "sae", progress=Watch(30))
    with pytest.raises(UsageError, match="--resume"):
        autointerp.train(config, tmp_path / "sae")


def test_a_training_only_goes_on_with_the_same_inputs(config, subject, tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        autointerp.train(config, tmp_path / "sae", progress=Watch(30))
    with pytest.raises(MismatchError, match=r"lr .*0\.003.*0\.001"):
        autointerp.train(config.model_copy(update={"lr": 1e-3}), tmp_path / "sae", resume=True)
    subject.fingerprint = "letters-2"
    with pytest.raises(MismatchError, match=r"letters-1.*letters-2"):
        autointerp.train(config, tmp_path / "sae", resume=True)
    subject.fingerprint = "letters-1"
    free = config.model_copy(update={"checkpoint_every": 5})
    assert autointerp.train(free, tmp_path / "sae", resume=True).cfg.d_sae == 24


def test_a_finished_sae_is_neither_overwritten_nor_trained_again(config, subject, tmp_path: Path) -> None:
    autointerp.train(config, tmp_path)
    before, n_calls = weights(tmp_path), subject.n_calls
    with pytest.raises(UsageError, match="already there"):
        autointerp.train(config, tmp_path)
    autointerp.train(config, tmp_path, resume=True)
    assert weights(tmp_path) == before
    assert subject.n_calls == n_calls
    with pytest.raises(MismatchError, match=r"seed .*0.*1"):
        autointerp.train(config.model_copy(update={"seed": 1}), tmp_path, resume=True)


def test_an_evaluation_that_is_missing_is_made_up_for(config, subject, tmp_path: Path) -> None:
    autointerp.train(config, tmp_path)
    evaluation, before = (tmp_path / "evaluation.json").read_bytes(), weights(tmp_path)
    (tmp_path / "evaluation.json").unlink()
    autointerp.train(config, tmp_path, resume=True)
    assert (tmp_path / "evaluation.json").read_bytes() == evaluation
    assert weights(tmp_path) == before


def test_without_more_text_the_numbers_are_said_to_be_in_sample(config, subject, tmp_path: Path) -> None:
    watch = Watch()
    autointerp.train(config.model_copy(update={"n_tokens": 10**6}), tmp_path, progress=watch)
    assert json.loads((tmp_path / "evaluation.json").read_text())["held_out"] is False
    assert any("in-sample" in sentence for sentence in watch.said)


def test_cached_activations_train_the_same_sae_and_serve_a_second_one(config, subject, tmp_path: Path) -> None:
    autointerp.train(config, tmp_path / "streamed")
    cached = config.model_copy(update={"cache": str(tmp_path / "cache"), "n_eval": 0})
    plain = config.model_copy(update={"n_eval": 0})
    autointerp.train(plain, tmp_path / "plain")
    autointerp.train(cached, tmp_path / "first")
    assert weights(tmp_path / "first") == weights(tmp_path / "plain")
    n_calls = subject.n_calls
    autointerp.train(cached.model_copy(update={"l1_coefficient": 1.0}), tmp_path / "second")
    assert subject.n_calls == n_calls
    assert weights(tmp_path / "second") != weights(tmp_path / "first")


def test_a_training_from_a_cache_resumes_too(config, subject, tmp_path: Path) -> None:
    cached = config.model_copy(update={"cache": str(tmp_path / "cache")})
    autointerp.train(cached, tmp_path / "whole")
    with pytest.raises(PowerCut):
        autointerp.train(cached, tmp_path / "cut", progress=Watch(40))
    autointerp.train(cached, tmp_path / "cut", resume=True)
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")


def test_too_few_activations_for_a_batch_are_refused(config, subject, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="batch_size = 64"):
        autointerp.train(config.model_copy(update={"n_train": 63}), tmp_path / "sae")


def test_sizes_that_do_not_fit_the_model_are_refused_before_any_activation(config, subject, tmp_path: Path) -> None:
    fields = {"architecture": "topk", "k": 100, "resample_every": None, "cache": str(tmp_path / "cache")}
    with pytest.raises(sae.SAEError, match=r"k \(100\) must not be above d_sae"):
        autointerp.train(TrainingConfig(**{**config.model_dump(exclude_unset=True), **fields}), tmp_path / "sae")
    assert subject.n_calls == 0
    assert not (tmp_path / "cache").exists()


def test_a_topk_sae_is_trained_from_its_fields(config, subject, tmp_path: Path) -> None:
    fields = {"architecture": "topk", "k": 3, "resample_every": None}
    autointerp.train(TrainingConfig(**{**config.model_dump(exclude_unset=True), **fields}), tmp_path)
    assert sae.load(tmp_path).cfg.k == 3
    assert json.loads((tmp_path / "evaluation.json").read_text())["l0"] <= 3


def fake_wandb(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    sent: list[Any] = []
    module = ModuleType("wandb")

    def init(**options: Any) -> SimpleNamespace:
        sent.append(("init", options))
        return SimpleNamespace(
            log=lambda row, step: sent.append(("log", step, row)),
            summary=SimpleNamespace(update=lambda values: sent.append(("summary", values))),
            finish=lambda: sent.append(("finish",)),
        )

    module.init = init
    monkeypatch.setitem(sys.modules, "wandb", module)
    return sent


def test_metrics_go_to_wandb_when_asked_for(config, subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = fake_wandb(monkeypatch)
    logged = config.model_copy(update={"wandb_project": "mine"})
    with pytest.raises(PowerCut):
        autointerp.train(logged, tmp_path / "sae", progress=Watch(30))
    autointerp.train(logged, tmp_path / "sae", resume=True)
    first, second = [entry[1] for entry in sent if entry[0] == "init"]
    assert first["project"] == "mine"
    assert first["id"] == second["id"]  # one run, gone on with
    assert second["resume"] == "allow"
    steps = [entry[1] for entry in sent if entry[0] == "log"]
    assert set(steps) == {1, *range(5, 61, 5)}
    assert {"fvu", "l0", "mse"} <= set(sent[1][2])
    assert sent[-2][1]["evaluation"]["held_out"] is True
    assert sent[-1] == ("finish",)


def test_wandb_that_is_missing_or_refuses_is_said_before_any_work(
    config, subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = config.model_copy(update={"wandb_project": "mine"})
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UsageError, match=r"autointerp\[wandb\]"):
        autointerp.train(logged, tmp_path / "sae")

    def refuse(**_: Any) -> None:
        raise RuntimeError("no API key")

    module = ModuleType("wandb")
    module.init = refuse
    monkeypatch.setitem(sys.modules, "wandb", module)
    with pytest.raises(UsageError, match="no API key"):
        autointerp.train(logged, tmp_path / "sae")
    assert subject.n_calls == 0
