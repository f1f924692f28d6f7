"""A whole training of a stack: files, stops, more stages."""

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
from autointerp.train import StackConfig, TrainingConfig
from autointerp.train._residuals import residuals
from sae.stack import StackedSAE, Stage, train_stack

WEIGHTS = "sae_weights.safetensors"
FIRST = {"expansion": 1, "l1_coefficient": 2.0}
SECOND = {"reads": "residual", "expansion": 2, "l1_coefficient": 0.2, "n_train": 40 * 64}
THIRD = {"reads": "x", "d_sae": 15, "l1_coefficient": 0.1}


class PowerCut(BaseException):
    """Nothing catches it: the process is as good as killed."""


class Watch(Silence):
    """Listens, and pulls the plug when a stage has come to a step."""

    def __init__(self, stage: str | None = None, step: int = 0) -> None:
        self.stop, self.ticks = (stage, step), {}

    @contextmanager
    def stage(self, name: str, unit: str) -> Iterator[Any]:
        def tick(done: int, total: int, note: str = "") -> None:
            self.ticks.setdefault(name, []).append(done // 64)
            if name == self.stop[0] and done >= self.stop[1] * 64:
                raise PowerCut

        yield tick


@pytest.fixture
def top(letters, subject, tmp_path: Path) -> dict[str, Any]:
    """What all stages share; 60 steps each unless they say otherwise."""
    return {
        "hook_point": "blocks.0.hook_resid_post", "corpus": str(letters.write_corpus(tmp_path / "corpus.jsonl")),
        "context_length": 32, "n_tokens": 3000, "n_train": 60 * 64, "n_eval": 500, "batch_size": 64,
        "buffer_size": 512, "l1_warmup_steps": 0, "lr_warmup_steps": 5, "log_every": 5, "checkpoint_every": 7,
    }  # fmt: skip


def plan(top: dict[str, Any], *stages: dict[str, Any]) -> StackConfig:
    return StackConfig.of({**top, "stages": list(stages)})


def written(folder: Path, n: int) -> list[bytes]:
    return [(folder / f"stage_{number}" / WEIGHTS).read_bytes() for number in range(1, n + 1)]


def test_a_stack_leaves_its_stages_their_metrics_and_its_evaluation(top, tmp_path: Path) -> None:
    out = tmp_path / "stack"
    trained = autointerp.train(plan(top, FIRST, SECOND, THIRD), out)
    assert isinstance(trained, StackedSAE)
    again = sae.load(out)
    assert again.fingerprint() == trained.fingerprint()
    assert (trained.reads, trained.widths) == (("x", "residual", "x"), [12, 24, 15])
    assert again.cfg.metadata.model_name == "bundled"
    assert again.cfg.metadata.extra["model_fingerprint"] == "letters-1"
    assert [stage.cfg.metadata.extra["stack_stage"] for stage in trained.stages] == [1, 2, 3]
    assert trained.stages[1].cfg.metadata.extra["training"]["n_train"] == 40 * 64
    for number, last in ((1, 60), (2, 40), (3, 60)):
        frame = pd.read_parquet(out / f"stage_{number}" / "metrics.parquet")
        assert frame["step"].tolist() == [1, *range(5, last + 1, 5)]
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert evaluation["n_features"] == 51
    reached = evaluation["stages"]
    assert [stage["n_features"] for stage in reached] == [12, 36, 51]
    assert reached[0]["fvu"] > reached[1]["fvu"] > reached[2]["fvu"]
    assert reached[0]["l0"] < reached[1]["l0"] < reached[2]["l0"]
    assert reached[2] == {name: value for name, value in evaluation.items() if name != "stages"}
    assert not (out / "unfinished").exists()


def test_the_first_stage_is_the_sae_it_would_be_alone(top, tmp_path: Path) -> None:
    autointerp.train(plan(top, FIRST, SECOND), tmp_path / "stack")
    autointerp.train(TrainingConfig(**{**top, **FIRST}), tmp_path / "alone")
    assert written(tmp_path / "stack", 1) == [(tmp_path / "alone" / WEIGHTS).read_bytes()]


@pytest.mark.parametrize(("stage", "step"), [(1, 1), (1, 30), (2, 1), (2, 25), (2, 40), (3, 1), (3, 30)])
def test_a_stack_that_was_stopped_ends_with_the_same_weights(stage: int, step: int, top, tmp_path: Path) -> None:
    config = plan(top, FIRST, SECOND, THIRD)
    autointerp.train(config, tmp_path / "whole")
    cut = tmp_path / "cut"
    with pytest.raises(PowerCut):
        autointerp.train(config, cut, progress=Watch(f"stage {stage} of 3", step))
    with pytest.raises(sae.SAEError, match="is no SAE"):
        sae.load(cut)
    if stage > 1 or step > 7:
        with pytest.raises(UsageError, match="a training that was stopped is there"):
            autointerp.train(config, cut)
    watch = Watch()
    autointerp.train(config, cut, resume=True, progress=watch)
    trained = [name for name in watch.ticks if name.startswith("stage")]
    assert trained == [f"stage {number} of 3" for number in range(stage, 4)]
    if step > 7:
        assert watch.ticks[f"stage {stage} of 3"][0] > step - 7  # it did not begin again
    assert written(cut, 3) == written(tmp_path / "whole", 3)
    for name in ("stack.json", "evaluation.json", "stage_2/metrics.csv", "stage_3/training.jsonl"):
        assert (cut / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_stages_can_be_added_to_a_finished_stack(top, tmp_path: Path) -> None:
    autointerp.train(plan(top, FIRST, SECOND, THIRD), tmp_path / "whole")
    grown = tmp_path / "grown"
    autointerp.train(plan(top, FIRST, SECOND), grown)
    watch = Watch()
    autointerp.train(plan(top, FIRST, SECOND, THIRD), grown, resume=True, progress=watch)
    assert "stage 1 of 3" not in watch.ticks
    assert written(grown, 3) == written(tmp_path / "whole", 3)
    for name in ("stack.json", "evaluation.json"):
        assert (grown / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    with pytest.raises(MismatchError, match=r"number of stages.*expected 3, found 2"):
        autointerp.train(plan(top, FIRST, SECOND), grown, resume=True)


def test_the_core_can_put_a_stage_on_a_stack_of_the_verb(top, tmp_path: Path) -> None:
    config = plan(top, FIRST, SECOND)
    trained = autointerp.train(config, tmp_path)
    settings = [Stage(stage.sae_config(stage.n_train or 0), stage.reads) for stage in config.stages]
    x = torch.randn(640, 12, generator=torch.Generator().manual_seed(0))
    more = Stage(sae.TrainConfig(n_tokens=640, l1_coefficient=0.1, d_sae=9, batch_size=64), "residual")
    grown = train_stack(lambda _: [x], [*settings, more], out=tmp_path)
    assert grown.widths == [12, 24, 9]
    assert grown.up_to(2).fingerprint() == trained.fingerprint()


def test_a_finished_stack_is_neither_overwritten_nor_trained_again(top, subject, tmp_path: Path) -> None:
    config = plan(top, FIRST, SECOND)
    autointerp.train(config, tmp_path)
    before, n_calls = written(tmp_path, 2), subject.n_calls
    with pytest.raises(UsageError, match="already there"):
        autointerp.train(config, tmp_path)
    assert autointerp.train(config, tmp_path, resume=True).widths == [12, 24]
    assert (written(tmp_path, 2), subject.n_calls) == (before, n_calls)
    (tmp_path / "evaluation.json").unlink()
    autointerp.train(config, tmp_path, resume=True)
    assert (tmp_path / "evaluation.json").exists()


def test_a_stack_only_goes_on_with_the_same_inputs(top, subject, tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        autointerp.train(plan(top, FIRST, SECOND), tmp_path, progress=Watch("stage 2 of 2", 30))
    with pytest.raises(MismatchError, match=r"stage_1: expansion .*expected 1, found 3"):
        autointerp.train(plan(top, {**FIRST, "expansion": 3}, SECOND), tmp_path, resume=True)
    with pytest.raises(MismatchError, match=r"stage_2: reads .*expected 'residual', found 'x'"):
        autointerp.train(plan(top, FIRST, {**SECOND, "reads": "x"}), tmp_path, resume=True)
    with pytest.raises(MismatchError, match="expected 'a stack', found 'one SAE'"):
        autointerp.train(TrainingConfig(**top), tmp_path, resume=True)
    subject.fingerprint = "letters-2"
    with pytest.raises(MismatchError, match=r"letters-1.*letters-2"):
        autointerp.train(plan(top, FIRST, SECOND), tmp_path, resume=True)


def test_a_finished_stage_is_not_put_under_one_of_another_model(top, subject, tmp_path: Path) -> None:
    autointerp.train(plan(top, FIRST), tmp_path)
    subject.fingerprint = "letters-2"
    with pytest.raises(MismatchError, match=r"the stages there were trained on.*letters-1.*letters-2"):
        autointerp.train(plan(top, FIRST, SECOND), tmp_path, resume=True)


@pytest.mark.parametrize("resume", [True, False])
def test_one_sae_and_a_stack_do_not_share_a_folder(resume: bool, top, tmp_path: Path) -> None:
    autointerp.train(TrainingConfig(**top), tmp_path / "one")
    autointerp.train(plan(top, FIRST), tmp_path / "stack")
    for config, folder in ((plan(top, FIRST), "one"), (TrainingConfig(**top), "stack")):
        with pytest.raises(UsageError, match="another kind of SAE is already there"):
            autointerp.train(config, tmp_path / folder, resume=resume)


def test_cached_activations_train_the_same_stack(top, subject, tmp_path: Path) -> None:
    plain = plan({**top, "n_eval": 0}, FIRST, SECOND)
    cached = plan({**top, "n_eval": 0, "cache": str(tmp_path / "cache")}, FIRST, SECOND)
    autointerp.train(plain, tmp_path / "streamed")
    autointerp.train(cached, tmp_path / "cached")
    assert written(tmp_path / "cached", 2) == written(tmp_path / "streamed", 2)


@pytest.mark.parametrize("skip", [0, 1, 4095, 4096, 5000, 8192, 8999])
def test_residuals_have_the_same_bits_wherever_they_are_opened(skip: int) -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(9000, 6, generator=random)
    cfg = sae.SAEConfig("standard", 6, 15)
    shapes = {"W_enc": (6, 15), "b_enc": (15,), "W_dec": (15, 6), "b_dec": (6,)}
    stack = StackedSAE([sae.build(cfg, {n: torch.randn(s, generator=random) for n, s in shapes.items()})], ["x"])

    def opened(start: int) -> Iterator[torch.Tensor]:
        yield from torch.split(x[start:], 700)

    whole = torch.cat(list(residuals(opened, stack)(0)))
    torch.testing.assert_close(whole, x - stack(x))
    assert torch.equal(torch.cat(list(residuals(opened, stack)(skip))), whole[skip:])


def test_metrics_of_stages_go_to_one_run_of_wandb(top, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    module = ModuleType("wandb")
    module.init = lambda **_: SimpleNamespace(  # type: ignore[attr-defined]
        log=lambda row, step: sent.append((step, row)), summary={}, finish=lambda: None
    )
    monkeypatch.setitem(sys.modules, "wandb", module)
    autointerp.train(plan({**top, "wandb_project": "mine"}, FIRST, SECOND), tmp_path)
    steps = [step for step, _ in sent]
    assert steps == sorted(set(steps))
    assert steps[-1] == 60 + 40
    assert "stage_1/fvu" in sent[0][1]
    assert "stage_2/fvu" in sent[-1][1]
