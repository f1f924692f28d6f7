"""The command itself on a run of a real model: killed, resumed, and in the end the bytes of one that wasn't."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import autointerp
from autointerp.run import RunDirectory
from benchmarks.kill._server import Server
from benchmarks.kill._witness import Witness, total

N_FEATURES = 300
KILL_AFTER = (3, 60, 120)
"""Requests of each life."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("OPENAI_API_KEY", "none-needed")
    with Server() as running:
        yield running


@pytest.fixture
def run(server: Server, tmp_path: Path) -> RunDirectory:
    """A random SAE on the bundled model: harvested, 300 features selected, none labelled."""
    import torch

    import sae

    d_in, d_sae = 192, 512
    metadata = sae.SAEMetadata(model_name="bundled", hook_name="blocks.1.hook_resid_post", dataset_path="python")
    cfg = sae.SAEConfig(architecture="standard", d_in=d_in, d_sae=d_sae, metadata=metadata)
    W_enc = torch.randn(d_in, d_sae, generator=torch.Generator().manual_seed(0))
    tensors = {"W_enc": W_enc, "b_enc": torch.zeros(d_sae), "W_dec": W_enc.T.clone(), "b_dec": torch.zeros(d_in)}
    sae.save(sae.build(cfg, tensors), tmp_path / "sae")
    autointerp.label(
        tmp_path / "sae",
        tmp_path / "run",
        features=f"random:{N_FEATURES}",
        n_tokens=20_000,
        llm="openai:m",
        base_url=server.url,
        dry_run=True,
    )
    return RunDirectory(tmp_path / "run")


def start(run: RunDirectory, server: Server) -> subprocess.Popen[bytes]:
    options = ["--out", str(run.path), "--resume", "--llm", "openai:m", "--base-url", server.url]
    command = [sys.executable, "-m", "autointerp", "label", *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.faults
@pytest.mark.slow
def test_the_command_is_killed_and_goes_on(run: RunDirectory, server: Server, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "undisturbed")
    whole = RunDirectory(tmp_path / "undisturbed")
    autointerp.label(None, whole.path, llm="openai:m", base_url=server.url, resume=True)
    assert len(server.end_life().received) >= N_FEATURES

    witness = Witness(run, server, whole=whole.labels_csv.read_bytes())
    for n_requests in KILL_AFTER:
        with start(run, server) as process:
            witness.kill_after(n_requests, 0.0, process.kill)
            assert process.wait() == -signal.SIGKILL
        witness.life_ended(was_killed=True)
    assert 0 < witness.n_final < N_FEATURES
    with start(run, server) as process:
        assert process.wait() == 0
    witness.life_ended(was_killed=False)

    assert witness.is_equal
    assert witness.n_paid_twice == witness.n_rows_twice == 0
    for kill in witness.kills:
        assert 0 < kill.n_owed <= kill.n_unwritten
    for fault in ("n_lost", "n_repeated", "n_damaged", "n_torn"):
        assert total(witness.kills, fault) == 0
