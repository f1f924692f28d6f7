"""The servers that misbehave; the benchmark that kills is imported from the root of the checkout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

for folder in (Path(__file__).parents[2], Path(__file__).parent):
    sys.path.insert(0, str(folder))

from faults_raw_server import RawServer  # noqa: E402
from llm_fixtures import _no_certificates, asker, kind, openai_asker, server, waits  # noqa: E402
from llm_scripted_server import Asker  # noqa: E402

__all__ = ["_no_certificates", "asker", "kind", "openai_asker", "server", "waits"]


@pytest.hookimpl(tryfirst=True)  # before what is not wanted is left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that lies here is marked."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("faults")


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
