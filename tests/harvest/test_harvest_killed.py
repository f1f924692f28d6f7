"""A harvest killed in the middle ends, once resumed, with the bytes of one that wasn't."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("harvest_fakes", sys.argv[1])
fakes = importlib.util.module_from_spec(spec)
sys.modules["harvest_fakes"] = fakes
spec.loader.exec_module(fakes)

class Slow(fakes.TinySubject):
    def residuals(self, tokens):
        time.sleep(0.2)
        return super().residuals(tokens)

parts = fakes.make_parts()
parts.subject = Slow()
parts.harvest(sys.argv[2], checkpoint_s=0.0)
"""


@pytest.mark.faults
@pytest.mark.slow
def test_killed_and_resumed(parts, tiny, tmp_path: Path):
    whole = parts.harvest(tmp_path / "whole")
    killed = tmp_path / "killed"
    conftest = Path(__file__).with_name("conftest.py")
    command = [sys.executable, "-c", SCRIPT, str(conftest), str(killed)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as process:
        deadline = time.monotonic() + 60
        while not (killed / "harvest" / "explain.npz").exists():
            assert process.poll() is None, "the harvest ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert not (killed / "features.parquet").exists()

    parts.subject = tiny.TinySubject()
    run = parts.harvest(killed)
    assert 0 < parts.subject.n_calls < 16
    for name in ("harvest/explain.npz", "harvest/score.npz", "harvest/meta.json", "features.parquet"):
        assert (whole.path / name).read_bytes() == (run.path / name).read_bytes(), name
