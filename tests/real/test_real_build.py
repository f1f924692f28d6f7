"""The builder of the real server, as far as it can be tested without building."""

from __future__ import annotations

from pathlib import Path

import build_server
import pytest


@pytest.fixture(autouse=True)
def _empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No compiler, and an empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)


def test_without_a_compiler_it_says_so_and_ends_with_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert build_server.main() == 2
    assert "no C++ compiler" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_it_builds_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = build_server.server_path()
    assert path.is_relative_to(tmp_path)
    path.parent.mkdir(parents=True)
    path.touch()
    assert build_server.main() == 0
    assert capsys.readouterr().out == f"{path} is there\n"
