"""Fixtures around the scripted server, for every folder that asks it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from llm_scripted_server import CANARY, Asker, ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    running = ScriptedServer()
    yield running
    running.close()


@pytest.fixture(name="server")
def keyed_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """For folders above: the server, and a key for it."""
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
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
    waited = note_waits(monkeypatch, "autointerp.llm._run")
    monkeypatch.setattr("autointerp.llm._gate.clock_s", lambda: time.monotonic() + sum(waited))
    return waited


def note_waits(monkeypatch: pytest.MonkeyPatch, module: str) -> list[float]:
    """Note how long a module pauses, in place of pausing; and give it keys."""
    waited: list[float] = []

    async def no_wait(seconds: float, _halt: object) -> None:
        waited.append(seconds)

    monkeypatch.setattr(f"{module}.pause", no_wait)
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
