"""The servers that misbehave; the benchmark that kills is imported from the root of the checkout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from faults_raw_server import RawServer
from llm_fixtures import _no_certificates, asker, kind, openai_asker, server, waits
from llm_scripted_server import Asker

__all__ = ["_no_certificates", "asker", "kind", "openai_asker", "server", "waits"]


@pytest.fixture
def raw() -> Iterator[RawServer]:
    running = RawServer()
    yield running
    running.close()


@pytest.fixture
def raw_asker(kind: str, raw: RawServer, tmp_path: Path, waits: list[float]) -> Asker:
    """``ask()`` of the server of bytes."""
    del waits
    return Asker(kind, raw, tmp_path)
