"""Shared by all tests: one quiet environment, and the optional real data."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "llm"))

import llm_canary

# a slow machine is no counterexample
settings.register_profile("autointerp", deadline=None)
settings.load_profile("autointerp")

SHARED = Path(__file__).parents[2] / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    """Every session ends with a search for the key in all that its tests wrote."""
    config.pluginmanager.register(llm_canary)


@pytest.fixture(scope="session")
def stories260k() -> Path:
    """The real small model that lies beside a developer's checkout."""
    folder = SHARED / "models" / "stories260K"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: the stories260K checks need the shared data")
    return folder


@pytest.fixture(scope="session")
def tinystories() -> Path:
    """Real stories beside a developer's checkout."""
    file = SHARED / "corpora" / "tinystories_sample.jsonl"
    if not file.is_file():
        pytest.skip(f"{file} is not there: the TinyStories checks need the shared data")
    return file


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may reach a real provider."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_account_is_known() -> None:
    """What one test's server taught is not true of another's, which may be given the same port."""
    module = sys.modules.get("autointerp.llm._account")  # not imported for the tests that ask nobody
    if module is not None:
        module._accounts.clear()
