"""``autointerp train`` as a process: killed, resumed, refused."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONFIG = """
hook_point = "blocks.1.hook_resid_post"
n_tokens = 30_000
n_train = 100_000
n_eval = 5_000
expansion = 2
l1_coefficient = 3.0
batch_size = 512
checkpoint_every = 10
"""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "autointerp", "train", *map(str, arguments)]


@pytest.mark.slow
@pytest.mark.faults
def test_kill_9_and_resume_give_the_weights_of_an_undisturbed_run(tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text(CONFIG)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    whole = subprocess.run(
        command(config, "--out", tmp_path / "whole"), env=environment, capture_output=True, text=True, check=True
    )
    assert whole.stdout.strip() == str(tmp_path / "whole")
    verdict = whole.stderr.strip().splitlines()[-1]
    assert re.match(r"trained: d_in 192, d_sae 384; on [45],\d{3} held-out tokens: FVU 0\.\d{3}, L0 ", verdict)

    process = subprocess.Popen(command(config), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    checkpoint = tmp_path / "mine" / "unfinished" / "checkpoint.pt"
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "mine" / "cfg.json").exists()

    refused = subprocess.run(command(config), env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    resumed = subprocess.run(command(config, "--resume"), env=environment, capture_output=True, text=True, check=True)
    assert resumed.stderr.strip().splitlines()[-1] == verdict
    name = "sae_weights.safetensors"
    assert (tmp_path / "mine" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()

    again = subprocess.run(command(config), env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "already there" in again.stderr
