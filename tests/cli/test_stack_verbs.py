"""A stack through the verbs: trained, labelled, scored, measured, compared, exported, gated."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import torch

import autointerp
import sae
from sae.stack import StackedSAE

pytestmark = pytest.mark.slow

CONFIG = """
hook_point = "blocks.1.hook_resid_post"
n_tokens = 30_000
n_train = 40_000
n_eval = 5_000
batch_size = 512
lr_warmup_steps = 10
l1_warmup_steps = 10
l1_coefficient = 5.0

[[stages]]
d_sae = 96

[[stages]]
reads = "{reads}"
d_sae = 160
l1_coefficient = 5.0
"""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stages on the bundled model, the second on what the first leaves."""
    config = tmp_path_factory.mktemp("stack") / "two.toml"
    config.write_text(CONFIG.format(reads="residual"))
    autointerp.train(config)
    return config.with_suffix("")


@pytest.fixture(scope="session")
def stack_run(stack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stack, labelled and scored with the rules."""
    run = tmp_path_factory.mktemp("stack") / "run"
    autointerp.label(stack, run, features="top5,random:20", n_tokens=30_000)
    autointerp.score(run)
    return run


def test_the_verb_trains_a_stack(command, tmp_path: Path) -> None:
    config = tmp_path / "two.toml"
    config.write_text(CONFIG.format(reads="x").replace("40_000", "10_000"))
    ended = command("train", config)
    assert ended.code == 0, ended.err
    assert ended.out.strip() == str(tmp_path / "two")
    verdict = ended.err.strip().splitlines()[-1]
    stages = r"2 stages \(96 \+ 160 features; FVU 0\.\d{3} -> 0\.\d{3}, L0 [\d.]+ -> [\d.]+\)"
    assert re.match(rf"trained: {stages}, d_in 192, d_sae 256; on [45],\d{{3}} held-out tokens: FVU 0\.", verdict)
    again = command("train", config)
    assert (again.code, "--resume" in again.err) == (2, True)
    assert command("train", config, "--resume").code == 0

    one = command("convert", tmp_path / "two", tmp_path / "one")
    assert one.code == 0, one.err
    x = torch.randn(50, 192)
    torch.testing.assert_close(sae.load(tmp_path / "one")(x), sae.load(tmp_path / "two")(x), rtol=1e-3, atol=1e-3)


def test_a_wrong_field_is_named_with_its_stage(command, tmp_path: Path) -> None:
    config = tmp_path / "two.toml"
    config.write_text(CONFIG.format(reads="what is left"))
    ended = command("train", config)
    assert ended.code == 2
    assert "two.toml: stage 2, reads" in ended.err
    assert "Traceback" not in ended.err


def test_a_stack_that_is_no_single_sae_is_not_converted(command, stack: Path, tmp_path: Path) -> None:
    ended = command("convert", stack, tmp_path / "one")
    assert ended.code == 2
    assert f"{stack}: stage 2 reads the residual" in ended.err
    assert "--sae" in ended.err
    assert not (tmp_path / "one").exists()


def test_a_stage_alone_is_not_taken_for_an_sae(command, stack: Path, tmp_path: Path) -> None:
    ended = command("harvest", "--sae", stack / "stage_2", "--out", tmp_path / "run")
    assert ended.code == 2
    assert f"load the stack by its folder, {stack}" in ended.err


def test_features_of_all_stages_are_labelled_and_scored(stack: Path, stack_run: Path) -> None:
    manifest = json.loads((stack_run / "run.json").read_text())
    assert (manifest["sae"]["architecture"], manifest["sae"]["d_sae"]) == ("stacked", 256)
    assert manifest["sae"]["sha256"] == sae.load(stack).fingerprint()
    labels = pd.read_csv(stack_run / "labels.csv")
    answered = labels["feature"][labels["outcome"] == "ok"]
    assert (answered < 96).any()
    assert (answered >= 96).any()
    features = pd.read_parquet(stack_run / "features.parquet")
    assert len(features) == 256
    trained = sae.load(stack)
    assert isinstance(trained, StackedSAE)
    dead = set(features["feature"][features["dead_train"].astype(bool)])
    assert dead == set(trained.cfg.metadata.dead_train or ())
    summary = json.loads((stack_run / "summary.json").read_text())
    assert summary["groups"]["random:20"]["rates"]["verified"]["n"] > 10


def test_stage_1_of_a_stack_is_harvested_as_alone(stack: Path, stack_run: Path, tmp_path: Path) -> None:
    autointerp.harvest(stack / "stage_1", tmp_path, n_tokens=30_000)
    alone, among = pd.read_parquet(tmp_path / "features.parquet"), pd.read_parquet(stack_run / "features.parquet")
    columns = ["n_active", "mean_activation", "max_activation", "selectivity"]
    pd.testing.assert_frame_equal(alone[columns], among[columns][:96])


def test_a_stack_is_evaluated(stack: Path, stack_run: Path) -> None:
    found = autointerp.evaluate(
        [stack, stack / "stage_1"], stack_run, suites=["core", "density", "pareto", "steering"], n_tokens=2_000,
        n_steered=1,
    )  # fmt: skip
    assert {one.suite for one in found} == {"core", "density", "pareto", "steering"}
    table = pd.read_csv(next((stack_run / "evaluate" / "pareto").glob("saes*.csv")))
    both, first = table.set_index("family").loc[["stacked", "l1"], "mse"]
    assert both < first


def test_a_stack_alone_in_its_folder_is_not_a_folder_of_saes(stack: Path) -> None:
    from autointerp.verbs._evaluate import _expand

    assert _expand(stack) == [str(stack)]
    assert _expand(stack.parent) == [str(stack)]


def test_a_stack_is_compared(command, stack: Path, tmp_path: Path) -> None:
    ended = command("compare", stack, stack / "stage_1", "--out", tmp_path)
    assert ended.code == 0, ended.err


def test_a_stack_is_a_baseline_and_passes_its_own_gate(command, stack_run: Path, tmp_path: Path) -> None:
    ended = command("baseline", stack_run)
    assert ended.code == 0, ended.err
    (tmp_path / "baseline.json").write_text(ended.out)
    gated = command("gate", stack_run, "--baseline", tmp_path / "baseline.json", "--group", "random:20")
    assert gated.code in {0, 4}, gated.err


@pytest.mark.parametrize("kind", ["csv", "jsonl", "neuronpedia", "hf", "delphi", "html"])
def test_a_stack_is_exported(command, kind: str, stack_run: Path, tmp_path: Path) -> None:
    ended = command("export", stack_run, "--format", kind, "--out", tmp_path / kind)
    assert ended.code == 0, ended.err
