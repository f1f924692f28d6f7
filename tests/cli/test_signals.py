"""Ctrl-C and SIGTERM outside of asking: a sentence and the exit code that scripts know."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

NAP = """
import signal, sys, time
from autointerp.cli import _app

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it, and children inherit

@_app.app.command()
def nap():
    print("asleep", flush=True)
    time.sleep(60)

sys.argv = ["autointerp", "nap"]
_app.main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_in_words(number: int, code: int) -> None:
    command = [sys.executable, "-c", NAP]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asleep\n"
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert told.startswith("autointerp: interrupted. What is done is kept")
    assert "Traceback" not in told
