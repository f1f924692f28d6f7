"""Fixtures around the scripted servers; their parts are imported by name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from llm_batch_server import BatchAsker, BatchServer
from llm_fixtures import _no_certificates, asker, kind, note_waits, openai_asker, server, waits

__all__ = ["_no_certificates", "asker", "kind", "openai_asker", "server", "waits"]


@pytest.fixture
def batches() -> Iterator[BatchServer]:
    running = BatchServer()
    yield running
    running.close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """As ``waits``, for batches."""
    return note_waits(monkeypatch, "autointerp.llm.batch._calls")


@pytest.fixture
def set_price(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[float, float], None]:
    """Sets what a million tokens of either model cost, in and out, in dollars."""

    def write(tokens_in: float, tokens_out: float) -> None:
        path = tmp_path / "prices.toml"
        price = f"as_of = 2026-11-01\ninput = {tokens_in}\noutput = {tokens_out}\n"
        path.write_text(f'["openai:gpt-test"]\n{price}["anthropic:claude-test"]\n{price}')
        monkeypatch.setenv("AUTOINTERP_PRICES", str(path))

    return write


@pytest.fixture
def batch_asker(kind: str, batches: BatchServer, tmp_path: Path, pauses: list[float]) -> BatchAsker:
    del pauses
    return BatchAsker(kind, batches, tmp_path)
