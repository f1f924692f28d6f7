"""The verb as a program: its address, its end, its errors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import autointerp
from autointerp.errors import UsageError
from autointerp.run import RunDirectory

COMMAND = (sys.executable, "-m", "autointerp", "view")


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_address_is_on_stdout_and_closing_it_is_no_error(run: RunDirectory, number: signal.Signals) -> None:
    with start(run.path, "--compare", run.path, "--json", "--no-browser") as viewer:
        assert viewer.stdout is not None
        url = json.loads(viewer.stdout.readline())["url"]
        with urllib.request.urlopen(f"{url}data/compare.json") as response:
            assert json.load(response)["same_sae"]
        viewer.send_signal(number)
        out, err = viewer.communicate(timeout=60)
    assert viewer.returncode == 0, err
    assert out == ""
    assert "Traceback" not in err
    assert url.rstrip("/").rpartition("/")[2] not in err


def test_errors_say_what_and_where(run: RunDirectory, tmp_path: Path) -> None:
    with start(run.path, "--compare", tmp_path / "nothing") as viewer:
        out, err = viewer.communicate(timeout=120)
    assert viewer.returncode == 2
    assert out == ""
    assert f"autointerp: {tmp_path / 'nothing'}: no run here" in err


def test_in_a_notebook_it_is_a_function(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run here"):
        autointerp.view(tmp_path / "nothing")

    def close(url: str) -> None:
        assert url.startswith("http://127.0.0.1:")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # before it serves, Ctrl-C is the caller's
        autointerp.view(run.path, ready=close)
