"""The command line's contracts: exit codes, files, what is printed where."""

from __future__ import annotations

import csv
import inspect
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COLUMNS = [
    "feature",
    "group",
    "label",
    "verdict",
    "outcome",
    "confidence",
    "n_active",
    "density",
    "mean_activation",
    "max_activation",
    "selectivity",
    "rank",
    "duplicate_of",
    "top_tokens",
    "reasoning",
    "llm",
    "prompt",
    "cost_usd",
]


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys, autointerp.cli\n"
        "heavy = {'torch', 'transformer_lens', 'transformers', 'openai', 'anthropic', 'pandas', 'numpy', 'datasets'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "verb",
    [
        "demo",
        "train",
        "sweep",
        "finetune",
        "convert",
        "harvest",
        "label",
        "score",
        "reliability",
        "retry",
        "baseline",
        "gate",
        "export",
        "report",
        "evaluate",
        "compare",
        "view",
        "doctor",
    ],
)
def test_every_verb_has_help_and_stands_in_the_readme(command, verb: str) -> None:
    ended = command(verb, "--help")
    assert ended.code == 0
    assert "Usage" in ended.out
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"autointerp {verb}" in readme or f"make {verb}" in readme


def test_every_verb_is_a_function_of_the_package() -> None:
    import autointerp
    from autointerp import verbs

    functions = {name for name in verbs.__all__ if inspect.isfunction(getattr(verbs, name))}
    assert functions == set(autointerp.VERBS)
    for verb in autointerp.VERBS:
        assert getattr(autointerp, verb) is getattr(verbs, verb)
        assert getattr(verbs, verb).__doc__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("label", "--sae", "no/such/sae", "--out", "{tmp}/run"), "no/such/sae"),
        (("label", "--out", "{tmp}/run"), "--sae"),
        (("score", "{tmp}/nothing"), "no run here"),
        (("gate", "{tmp}/nothing", "--baseline", "{tmp}/b.json"), "b.json"),
        (("export", "{tmp}/nothing"), "no run here"),
        (("train", "{tmp}/none.toml"), "none.toml"),
        (("label", "--sae", "x", "--tokens", "0"), "--tokens"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_bad_input_exits_2_and_says_what(command, tmp_path: Path, arguments, message: str) -> None:
    ended = command(*(str(a).format(tmp=tmp_path) for a in arguments))
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_a_training_config_names_the_wrong_field(command, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('hook_point = "blocks.1.hook_resid_post"\nexpansoin = 8\n')
    ended = command("train", config)
    assert ended.code == 2
    assert "expansoin" in ended.err


@pytest.mark.slow
def test_a_run_holds_what_the_contract_names(small_run: Path) -> None:
    names = ("run.json", "features.parquet", "contexts.parquet", "labels.csv", "scores.csv", "summary.json")
    for name in names:
        assert (small_run / name).is_file(), name
    with (small_run / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    assert {row["group"] for row in rows} == {"top5", "bottom5", "random:20"}
    assert {row["verdict"] for row in rows} <= {"MONOSEMANTIC", "POLYSEMANTIC"}
    for row in rows:
        assert (row["label"] == "POLYSEMANTIC") == (row["verdict"] == "POLYSEMANTIC")
    summary = json.loads((small_run / "summary.json").read_text())
    keys = [
        "schema_version",
        "run",
        "sae",
        "model",
        "hook_point",
        "n_tokens",
        "n_features",
        "n_alive",
        "dead",
        "groups",
        "nulls",
        "cost_usd",
        "tokens_in",
        "tokens_out",
        "seconds",
    ]
    assert set(keys) <= set(summary)
    group = summary["groups"]["random:20"]
    assert {"n", "n_ok", "n_failed", "rates", "detection", "bottom_decile"} <= set(group)
    for rate in ("label", "verified", "robust"):
        assert {"k", "n", "rate", "low", "high", "worst_low", "worst_high"} <= set(group["rates"][rate])


@pytest.mark.slow
def test_an_existing_run_needs_resume_and_resume_changes_nothing(command, small_sae: Path, small_run: Path) -> None:
    before = (small_run / "labels.csv").read_bytes()
    refused = command("label", "--sae", small_sae, "--out", small_run)
    assert refused.code == 2
    assert "--resume" in refused.err
    resumed = command("label", "--sae", small_sae, "--out", small_run, "--resume")
    assert resumed.code == 0, resumed.err
    assert resumed.out.strip() == str(small_run)
    assert (small_run / "labels.csv").read_bytes() == before


@pytest.mark.slow
def test_a_contradiction_with_the_run_names_both_values(command, small_sae: Path, small_run: Path) -> None:
    ended = command("label", "--sae", small_sae, "--out", small_run, "--resume", "--tokens", "12345")
    assert ended.code == 2
    assert "12345" in ended.err
    assert "60000" in ended.err


@pytest.mark.slow
def test_the_wrong_hook_point_is_refused_naming_both(command, small_sae: Path, tmp_path: Path) -> None:
    ended = command(
        "label",
        "--sae",
        small_sae,
        "--out",
        tmp_path / "r",
        "--hook-point",
        "blocks.0.hook_resid_post",
        "--tokens",
        5000,
    )
    assert ended.code == 2
    assert "blocks.0.hook_resid_post" in ended.err
    assert "blocks.1.hook_resid_post" in ended.err


@pytest.mark.slow
def test_resume_on_nothing_starts(command, small_sae: Path, tmp_path: Path) -> None:
    ended = command(
        "label", "--sae", small_sae, "--out", tmp_path / "r", "--resume", "--tokens", 20_000, "--features", "random:5"
    )
    assert ended.code == 0, ended.err
    assert (tmp_path / "r" / "labels.csv").is_file()


@pytest.mark.slow
def test_two_runs_over_the_same_inputs_give_the_same_bytes(
    command, small_sae: Path, small_run: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    options = ("--features", "top5,bottom5,random:20", "--tokens", 60_000)
    assert command("label", "--sae", small_sae, "--out", again, *options).code == 0
    assert command("score", again).code == 0
    for name in ("labels.csv", "scores.csv"):
        assert (again / name).read_bytes() == (small_run / name).read_bytes(), name


@pytest.mark.slow
def test_a_moved_or_damaged_sae_is_noticed(command, small_sae: Path, small_run: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "sae"
    shutil.copytree(small_sae, damaged)
    weights = damaged / "sae_weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-4:] = b"\x00\x00\x80\x3f"
    weights.write_bytes(content)
    ended = command("label", "--sae", damaged, "--out", small_run, "--resume")
    assert ended.code == 2
    assert "other weights" in ended.err


@pytest.mark.slow
def test_the_gate_is_green_on_itself_and_writes_its_files(
    command, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = tmp_path / "baseline.json"
    printed = command("baseline", small_run)
    assert printed.code == 0, printed.err
    baseline.write_text(printed.out)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    ended = command("gate", small_run, "--baseline", baseline, "--junit", tmp_path / "junit.xml", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["status"] == "pass"
    verdict = ended.err.strip().splitlines()[-1]
    assert verdict in (tmp_path / "summary.md").read_text()
    assert "testsuite" in (tmp_path / "junit.xml").read_text()


@pytest.mark.slow
def test_llm_without_a_key_exits_5_and_keeps_the_harvest(command, small_sae: Path, tmp_path: Path) -> None:
    run = tmp_path / "r"
    ended = command(
        "label", "--sae", small_sae, "--out", run, "--tokens", 20_000, "--features", "random:3", "--llm", "openai:gpt-x"
    )
    assert ended.code == 5
    assert "OPENAI_API_KEY" in ended.err
    assert (run / "features.parquet").is_file()


@pytest.mark.slow
def test_a_dry_run_sends_nothing_and_does_not_need_resume_after(command, small_sae: Path, tmp_path: Path) -> None:
    run = tmp_path / "r"
    options = ("--sae", small_sae, "--out", run, "--tokens", 20_000, "--features", "random:3")
    ended = command("label", *options, "--llm", "openai:gpt-x", "--dry-run")
    assert ended.code == 0, ended.err
    assert [line.split()[0] for line in ended.out.splitlines()] == ["requests", "label", "score", "null", "total"]
    assert "unknown price" in ended.out
    prices = tmp_path / "prices.toml"
    prices.write_text('["openai:gpt-x"]\nas_of = 2026-11-01\ninput = 1.0\noutput = 4.0\n')
    priced = ("--llm", "openai:gpt-x", "--prices", prices, "--cache", tmp_path / "shared", "--json")
    ended = command("label", *options, *priced, "--dry-run")
    assert ended.code == 0, ended.err
    total = json.loads(ended.out)["total"]
    assert 0 < total["cost_usd_low"] < total["cost_usd_high"]
    assert not (run / "labels.csv").exists()
    assert command("label", *options).code == 0
