"""The GitHub action: its script, run by bash with a command that only writes down what it is called with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

ACTION = yaml.safe_load((Path(__file__).parents[2] / "action.yml").read_text(encoding="utf-8"))
SCRIPT = ACTION["runs"]["steps"][-1]

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not there: the action's script needs it")


def inputs_of(step: dict) -> dict[str, str]:
    """Environment variable -> the input it comes from."""
    pattern = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")
    return {name: found[1] for name, value in step["env"].items() if (found := pattern.fullmatch(value))}


def run_script(tmp_path: Path, **given: str) -> list[list[str]]:
    """The calls that the script makes, with these inputs (and the defaults)."""
    log, command = tmp_path / "calls", tmp_path / "autointerp"
    command.write_text(f'#!/bin/sh\nprintf "%s\\t" "$@" >> {log}; echo >> {log}\n', encoding="utf-8")
    command.chmod(0o755)
    values = {name: str(about.get("default", "")) for name, about in ACTION["inputs"].items()} | given
    env = {variable: values[name] for variable, name in inputs_of(SCRIPT).items()}
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", SCRIPT["run"]], env={**env, "PATH": path}, check=True)
    return [line.rstrip("\t").split("\t") for line in log.read_text(encoding="utf-8").splitlines()]


def test_every_input_reaches_the_script_and_no_other_is_read():
    assert set(inputs_of(SCRIPT).values()) == set(ACTION["inputs"])
    assert "${{" not in SCRIPT["run"]  # an expression in a script would run what an input says


def test_an_sae_is_labelled_scored_and_gated(tmp_path):
    label, score, gate = run_script(
        tmp_path, sae="my sae", baseline="b.json", **{"max-cost": "5", "min-rate": "0.6", "label-options": "--tokens 9"}
    )
    assert "|".join(label) == (
        "label|--sae|my sae|--out|runs/gate|--llm|rules|--features|random:200|--resume|--max-cost|5|--tokens|9"
    )
    assert score == ["score", "runs/gate", "--max-cost", "5"]
    assert "|".join(gate) == (
        "gate|runs/gate|--baseline|b.json|--rate|verified|--margin|0.05|--min-rate|0.6|--junit|runs/gate/gate.xml"
    )


def test_without_an_sae_only_the_gate_is_held(tmp_path):
    ((verb, *_),) = run_script(tmp_path, run="runs/mine", baseline="b.json")
    assert verb == "gate"


def test_the_command_line_knows_every_option(tmp_path):
    from autointerp.cli._app import app

    for call in run_script(tmp_path, sae="s", baseline="b", **{"max-cost": "5", "min-rate": "0.6"}):
        shown = CliRunner().invoke(app, [call[0], "--help"], env={"COLUMNS": "300", "NO_COLOR": "1"}).output
        assert {word for word in call if word.startswith("--")} <= set(re.findall(r"--[\w-]+", shown))
