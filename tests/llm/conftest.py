"""Fixtures around the scripted server; its parts are imported by name from ``llm_scripted_server``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from llm_batch_server import BatchAsker, BatchServer
from llm_scripted_server import CANARY, Asker, ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    running = ScriptedServer()
    yield running
    running.close()


@pytest.fixture(params=["openai", "anthropic"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback speaks plain HTTP: reading the certificates for every client would be half of the tests' time."""
    monkeypatch.setattr("ssl.SSLContext.load_verify_locations", lambda *_, **__: None)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits between attempts are noted here and not waited for; the environment has a key with a canary in it."""
    waited: list[float] = []

    async def no_wait(seconds: float, _halt: object) -> None:
        waited.append(seconds)

    monkeypatch.setattr("autointerp.llm._run.pause", no_wait)
    monkeypatch.setattr("autointerp.llm._gate.clock_s", lambda: time.monotonic() + sum(waited))
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    return waited


@pytest.fixture
def asker(kind: str, server: ScriptedServer, tmp_path: Path, waits: list[float]) -> Asker:
    del waits
    return Asker(kind, server, tmp_path)


@pytest.fixture
def openai_asker(server: ScriptedServer, tmp_path: Path, waits: list[float]) -> Asker:
    del waits
    return Asker("openai", server, tmp_path)


@pytest.fixture
def batches() -> Iterator[BatchServer]:
    running = BatchServer()
    yield running
    running.close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """As ``waits``, for batches."""
    waited: list[float] = []

    async def no_wait(seconds: float, _halt: object) -> None:
        waited.append(seconds)

    monkeypatch.setattr("autointerp.llm.batch._calls.pause", no_wait)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    return waited


@pytest.fixture
def batch_asker(kind: str, batches: BatchServer, tmp_path: Path, pauses: list[float]) -> BatchAsker:
    del pauses
    return BatchAsker(kind, batches, tmp_path)
