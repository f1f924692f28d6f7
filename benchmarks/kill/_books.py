"""A journal as its keepers would like it least: read from outside, behind the back of who writes it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from benchmarks.kill._server import question_of

Row = tuple[int, str, int, str, str | None, str]
"""id, key, ask, outcome, reply, request."""
QUERY = "SELECT id, key, ask, outcome, reply, request FROM attempts"
FINAL = ("ok", "refused", "filtered")


@dataclass(frozen=True)
class Books:
    """What a journal held at a moment."""

    rows: frozenset[Row] = frozenset()
    is_sound: bool = True
    """Whether SQLite's own check finds nothing."""

    @cached_property
    def questions(self) -> list[str]:
        """What was asked, a row each, as the server knows it."""
        return [_question(request) for *_, request in self.rows]

    @property
    def n_final(self) -> int:
        """Requests that are answered for good."""
        return len({key for _, key, ask, outcome, *_ in self.rows if ask == 2 or outcome in FINAL})


def look(journal: Path) -> frozenset[Row]:
    """The rows of a journal that is being written. Whatever is seen here was promised to be on disk."""
    with closing(sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as db:
        return frozenset(db.execute(QUERY))


def examine(journal: Path) -> Books:
    """The content of a journal that nobody writes any more, from a copy: what repairs the original is the next life."""
    if not journal.exists():
        return Books()
    with tempfile.TemporaryDirectory() as folder:
        for file in _files(journal):
            shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder) / journal.name)) as db:
            is_sound = db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            has_table = db.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'attempts'").fetchone()[0]
            return Books(frozenset(db.execute(QUERY)) if has_table else frozenset(), is_sound)


def _files(journal: Path) -> Iterable[Path]:
    """The database and its write-ahead log. The index of the log is left out: SQLite makes it anew."""
    return (file for file in (journal, journal.with_name(journal.name + "-wal")) if file.exists())


@lru_cache(maxsize=1000)
def _question(request: str) -> str:
    content = json.loads(request)
    return question_of(content["messages"], content["parameters"]["max_output_tokens"])
