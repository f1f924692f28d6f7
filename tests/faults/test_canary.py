"""The search for the key finds it wherever it is, and a session in which it is found fails."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from llm_canary import CANARY, CHUNK_BYTES, files_with

HELPERS = Path(__file__).parents[1] / "llm"
WORDS = b"sk-another-key"  # the canary itself would end this session


def test_files_are_searched_to_the_last_byte(tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.mkdir()
    (found / "start").write_bytes(WORDS + b"x")
    (found / "end").write_bytes(b"\x00\xff" * 500 + WORDS)
    (found / "across chunks").write_bytes(b"x" * (CHUNK_BYTES - 5) + WORDS)
    (found / ".hidden").write_bytes(b"Bearer " + WORDS)
    clean = tmp_path / "clean"
    clean.mkdir()
    (clean / "empty").write_bytes(b"")
    (clean / "near").write_bytes(WORDS[:-1])
    (clean / "link").symlink_to(found / "start")
    assert set(files_with(tmp_path, WORDS)) == set(found.iterdir())


def test_databases_are_searched_with_what_is_not_folded_in_yet(tmp_path: Path) -> None:
    book = sqlite3.connect(tmp_path / "j")
    book.execute("PRAGMA journal_mode=WAL")
    book.execute("CREATE TABLE t (x)")
    book.execute("INSERT INTO t VALUES (?)", [f"key {WORDS.decode()}"])
    book.commit()
    assert [path.name for path in files_with(tmp_path, WORDS)] == ["j-wal"]
    book.close()
    assert [path.name for path in files_with(tmp_path, WORDS)] == ["j"]


LEAKS = {
    "a file": "(tmp_path / 'x').write_text(CANARY)",
    "output": "print(CANARY)",
    "output that was read": "print(CANARY, file=sys.stderr); capfd.readouterr()",
    "a log": "logging.getLogger('x').warning(CANARY)",
}


@pytest.mark.parametrize("leak", [*LEAKS, None])
def test_a_session_that_writes_the_key_fails(tmp_path: Path, leak: str | None) -> None:
    words = LEAKS.get(leak or "", "pass")
    (tmp_path / "test_x.py").write_text(
        f"import logging, sys\nfrom llm_canary import CANARY\ndef test_one(tmp_path, capfd):\n    {words}\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "llm_canary",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        "made",
        "test_x.py",
    ]
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(HELPERS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in ended.stdout
    assert CANARY not in ended.stdout + ended.stderr
    if leak is None:
        assert ended.returncode == 0
    else:
        assert ended.returncode == 1
        assert "a key was written" in ended.stdout
        assert "made/test_one0/x" in ended.stdout if leak == "a file" else "test_x.py::test_one" in ended.stdout
    for made in tmp_path.glob("made/*/x"):
        made.unlink()
