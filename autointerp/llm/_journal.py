"""The journal: every attempt on disk before its reply counts, so that nothing is lost and nothing is paid twice."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from autointerp.errors import AutointerpError, UsageError
from autointerp.llm._attempt import Attempt
from autointerp.llm._reply import Outcome, Usage

VERSION = 1
APPLICATION_ID = 0x41494A31  # "AIJ1"

_TABLE = """
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL, attempt INTEGER NOT NULL, tag TEXT NOT NULL,
    provider TEXT NOT NULL, endpoint TEXT NOT NULL, model TEXT NOT NULL, rung TEXT NOT NULL, ask INTEGER NOT NULL,
    outcome TEXT NOT NULL, reason TEXT NOT NULL,
    tokens_in INTEGER, tokens_out INTEGER, tokens_cached INTEGER, tokens_cache_written INTEGER,
    cost_usd REAL, reserved_usd REAL,
    started TEXT NOT NULL, seconds REAL NOT NULL, http_status INTEGER, request_id TEXT,
    request TEXT NOT NULL, reply TEXT
)
"""  # the long texts last: reading the other columns then skips them
_COLUMNS = (
    "key, tag, provider, endpoint, model, rung, ask, request, reply, outcome, reason, tokens_in, tokens_out, "
    "tokens_cached, tokens_cache_written, cost_usd, reserved_usd, started, seconds, http_status, request_id"
)
_INSERT = (
    f"INSERT INTO attempts (attempt, {_COLUMNS}) "  # noqa: S608 - constants
    f"VALUES ((SELECT COUNT(*) + 1 FROM attempts WHERE key = ?), {', '.join('?' * len(_COLUMNS.split(',')))})"
)
_BILLED = ", ".join(f"'{outcome}'" for outcome in Outcome if outcome.is_billed)


class Journal:
    """A SQLite file (WAL, ``synchronous=FULL``) that any SQLite tool can read.

    One table, ``attempts``; a row is one request on the wire, written when its end is known and before anybody uses
    the reply. Columns are the fields of ``Attempt``, with ``usage`` as four token columns, and besides:

    - ``id``: order of writing. ``attempt``: 1, 2, ... over all rows of a key.
    - ``key``: content hash of provider, endpoint, model, messages, wire schema, parameters and sample number.
    - ``outcome``: ``ok``, ``refused``, ``filtered``, ``truncated``, ``invalid`` were paid for and are final: such a
      key is not sent again (a truncated or invalid first ask is followed by one re-ask, ``ask`` = 2, and the last
      row counts). ``error`` rows brought no reply and are tried again by the next run.
    - what a run cost: ``SELECT SUM(COALESCE(cost_usd, reserved_usd)) FROM attempts``.

    ``PRAGMA user_version`` is the layout's version. A crash loses at most the replies that were on their way.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open, or make, a journal.

        Args:
            path: The file; its folder is made when missing.
            read_only: It must exist, and is not touched (a file in a read-only folder is fine).

        Raises:
            UsageError: Missing (read-only), not a journal, or of a newer version.
            AutointerpError: The disk refuses.
        """
        self.path = path
        self._lock = threading.Lock()
        if read_only and not path.is_file():
            raise UsageError(f"{path}: no journal here to replay. Give the run directory the journal lies in.")
        with self._explained():
            self._db = _connect(path, read_only=read_only)
        try:
            with self._explained():
                self._prepare(read_only=read_only)
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        with self._lock:
            self._db.close()

    def record(self, *attempts: Attempt) -> None:
        """Write attempts, all or none; they are on disk when this returns. May be called from any thread.

        Raises:
            AutointerpError: The disk refuses.
        """
        rows = [(attempt.key, *_row(attempt)) for attempt in attempts]
        with self._lock, self._explained(), self._db:
            self._db.executemany(_INSERT, rows)

    def billed(self, key: str) -> list[Attempt]:
        """The attempts of a key that brought a reply, in order; the last says how the request ended.

        Args:
            key: A request's content hash.
        """
        query = f"SELECT {_COLUMNS} FROM attempts WHERE key = ? AND outcome IN ({_BILLED}) ORDER BY id"  # noqa: S608
        with self._lock, self._explained():
            return [_attempt(row) for row in self._db.execute(query, (key,))]

    def spent(self) -> tuple[float, int]:
        """What all attempts so far count against a budget.

        Returns:
            USD (the reserved worst case where the cost is unknown), and the number of requests that may have been
            billed: all but those a server refused.
        """
        query = (
            "SELECT TOTAL(COALESCE(cost_usd, reserved_usd)), COUNT(*) FROM attempts "
            "WHERE NOT (outcome = 'error' AND COALESCE(http_status, 0) >= 400)"
        )
        with self._lock, self._explained():
            cost, count = self._db.execute(query).fetchone()
        return float(cost), int(count)

    def _prepare(self, *, read_only: bool) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (tables,) = self._db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if tables == 0 and not read_only:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._create()
            return
        if application != APPLICATION_ID:
            raise UsageError(f"{self.path}: an SQLite file, but not a journal of autointerp. Give another path.")
        if version > VERSION:
            raise UsageError(
                f"{self.path}: journal version {version}, this autointerp reads up to {VERSION}. Update it."
            )
        if not read_only:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")

    def _create(self) -> None:
        """All at once, also when two processes try."""
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            if self._db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() == (0,):
                self._db.execute(_TABLE)
                self._db.execute("CREATE INDEX attempts_by_key ON attempts (key)")
                self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version = {VERSION}")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise AutointerpError(
                f"{self.path}: the journal can't be used ({error}). Check the disk, then run again."
            ) from error
        except sqlite3.DatabaseError as error:
            raise UsageError(
                f"{self.path}: not a journal, or a damaged one ({error}). Move it away, or restore it."
            ) from error
        except OSError as error:
            raise AutointerpError(f"{self.path}: the journal can't be opened ({error}).") from error


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(path, timeout=30, check_same_thread=False)
    # without a write-ahead log beside it the file is complete, and "immutable" reads it where nothing can be written
    log = path.with_name(path.name + "-wal")
    mode = "mode=ro" if log.exists() else "immutable=1"
    return sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=30, check_same_thread=False)


def _row(attempt: Attempt) -> tuple[Any, ...]:
    usage = attempt.usage
    tokens: tuple[int | None, ...] = (None,) * 4
    if usage is not None:
        tokens = (usage.tokens_in, usage.tokens_out, usage.tokens_cached, usage.tokens_cache_written)
    return (
        *(attempt.key, attempt.tag, attempt.provider, attempt.endpoint, attempt.model, attempt.rung, attempt.ask),
        *(attempt.request, attempt.reply, str(attempt.outcome), attempt.reason, *tokens),
        *(attempt.cost_usd, attempt.reserved_usd, attempt.started, attempt.seconds),
        *(attempt.http_status, attempt.request_id),
    )


def _attempt(row: tuple[Any, ...]) -> Attempt:
    *head, outcome, reason, tokens_in, tokens_out, cached, written = row[:15]
    usage = None if tokens_in is None else Usage(tokens_in, tokens_out, cached, written)
    return Attempt(*(*head, Outcome(outcome), reason, usage, *row[15:]))
