"""A run that is killed, again and again, loses at most what was in flight and pays for nothing twice."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

HELPERS = Path(__file__).parents[1] / "llm"
sys.path.insert(0, str(HELPERS))

from llm_scripted_server import GOOD, Answer, Call, ScriptedServer  # noqa: E402

N_REQUESTS, N_AT_ONCE = 60, 6
CHILD = f"""
import sys
sys.path.insert(0, {str(HELPERS)!r})
from pathlib import Path
from autointerp.llm import Limits, ask, parse_provider
from llm_scripted_server import question

provider = parse_provider("openai:gpt-test", base_url=sys.argv[1])
requests = [question(number) for number in range({N_REQUESTS})]
for reply in ask(requests, provider=provider, journal=Path(sys.argv[2]), limits=Limits(max_concurrency={N_AT_ONCE})):
    print(reply.tag, reply.outcome, reply.value.label)
"""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    running = ScriptedServer()
    yield running
    running.close()


def number_of(text: str) -> int:
    """Which question a request asks."""
    return int(re.findall(r"question (\d+)", text)[0])


def labelled(call: Call) -> Answer:
    return Answer(text=GOOD.replace("dogs", f"d{number_of(call.text)}"), delay_s=0.01)


def start(server: ScriptedServer, journal: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, f"{server.root}/v1", str(journal)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def acknowledged(journal: Path) -> list[int]:
    """The questions with a final row."""
    plain = sqlite3.connect(journal)
    try:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [number_of(row[0]) for row in plain.execute("SELECT request FROM attempts WHERE outcome = 'ok'")]
    finally:
        plain.close()


@pytest.mark.faults
def test_killed_runs_resume_without_loss_or_double_payment(server: ScriptedServer, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    for kill_at in (1, 7, 20, 33, 34, 50):
        reached = threading.Event()

        def answer(call: Call, kill_at: int = kill_at, reached: threading.Event = reached) -> Answer:
            if len(server.calls) >= kill_at:
                reached.set()
            return labelled(call)

        server.otherwise = answer
        n_before = len(server.calls)
        done = acknowledged(journal) if journal.exists() and journal.stat().st_size else []
        with start(server, journal) as child:
            assert reached.wait(60)
            child.kill()
            child.wait()
        assert child.returncode == -signal.SIGKILL
        assert not set(done) & {number_of(call.text) for call in server.calls[n_before:]}
        assert set(done) <= set(acknowledged(journal))

    done, n_before = acknowledged(journal), len(server.calls)
    assert 0 < len(done) < N_REQUESTS
    server.otherwise = labelled
    with start(server, journal) as child:
        output, _ = child.communicate(timeout=120)
    assert child.returncode == 0
    assert not set(done) & {number_of(call.text) for call in server.calls[n_before:]}
    assert output.split("\n")[:-1] == [f"q{number} ok d{number}" for number in range(N_REQUESTS)]
    assert Counter(acknowledged(journal)) == dict.fromkeys(range(N_REQUESTS), 1)
    assert len(server.calls) - N_REQUESTS <= 6 * N_AT_ONCE
