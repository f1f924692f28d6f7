"""Fixtures around the scripted servers; their parts are imported by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from llm_batch_server import BatchAsker, BatchServer
from llm_fixtures import _no_certificates, asker, kind, openai_asker, server, waits
from llm_scripted_server import CANARY

__all__ = ["_no_certificates", "asker", "kind", "openai_asker", "server", "waits"]


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
