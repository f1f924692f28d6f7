"""A plugin of pytest: the key that every test uses, and a search for it in all that the tests wrote.

Where it is found, the session fails and says where. Searched are all files under the session's temporary folder, what
each test left of its output, log and failure, and what tests read of their output with ``capsys`` or ``capfd``.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

CANARY = "sk-canary-5f0e7c21d94b"
CHUNK_BYTES = 2**24


def files_with(folder: Path, words: bytes) -> list[Path]:
    """The files in a folder, and below, whose bytes hold some words. Links are not followed, pipes are left alone."""
    return [path for path in _files(folder) if _holds(path, words)]


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


def _holds(path: Path, words: bytes) -> bool:
    end = b""
    with contextlib.suppress(OSError), path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            if words in end + chunk:
                return True
            end = chunk[1 - len(words) :]
    return False


hits: list[str] = []
"""Where the key was found in this session."""
_folders: list[Path] = []
_read = pytest.CaptureFixture.readouterr


def look(where: str, *texts: str | bytes) -> None:
    """Note where, if the key is in one of some texts."""
    if any((CANARY.encode() if isinstance(text, bytes) else CANARY) in text for text in texts):
        hits.append(where)


def pytest_configure() -> None:
    """Look on where a test takes its output, which its report then lacks."""

    def readouterr(fixture: pytest.CaptureFixture[str]) -> object:
        captured = _read(fixture)
        look(f"{os.environ.get('PYTEST_CURRENT_TEST')}: output", *captured)
        return captured

    pytest.CaptureFixture.readouterr = readouterr  # type: ignore[method-assign,assignment]


def pytest_unconfigure() -> None:
    """Leave pytest as it was."""
    pytest.CaptureFixture.readouterr = _read  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def _temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    _folders.append(tmp_path_factory.getbasetemp())


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Search what a test left."""
    for name, text in (*report.sections, ("failure", report.longreprtext)):
        look(f"{report.nodeid}: {name}", text)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search the files, before pytest removes any of them."""
    for folder in _folders:
        hits.extend(map(str, files_with(folder, CANARY.encode())))
    if hits:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where."""
    if hits:
        terminalreporter.section("a key was written", red=True)
        for hit in hits:
            terminalreporter.write_line(hit)
