"""The journal: every attempt on disk before its reply counts, so that nothing is lost and nothing is paid twice."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from autointerp.errors import AutointerpError, UsageError
from autointerp.llm._attempt import Attempt
from autointerp.llm._history import History
from autointerp.llm._layout import APPLICATION_ID, CREATE, UPDATE, VERSION
from autointerp.llm._reply import Outcome, Usage

_OWN = [field.name for field in fields(Attempt) if field.name != "usage"]
_TOKENS = [field.name for field in fields(Usage)]
_COLUMNS = ", ".join([*_OWN, *_TOKENS])
_INSERT = (
    f"INSERT INTO attempts (attempt, {_COLUMNS}) "  # noqa: S608 - constants
    f"VALUES ((SELECT COUNT(*) + 1 FROM attempts WHERE key = ?), {', '.join('?' * len(_OWN + _TOKENS))})"
)
_TIMEOUT_S = 30
"""How long another process may hold the file."""
_BILLED = ", ".join(f"'{outcome}'" for outcome in Outcome if outcome.is_billed)


class Journal:
    """A SQLite file (WAL, ``synchronous=FULL``) that any SQLite tool can read.

    In the table ``attempts`` a row is one request on the wire, written when its end is known and before anybody uses
    the reply. Its columns are the fields of ``Attempt``, with ``usage`` as five token columns, and besides:

    - ``id``: order of writing. ``attempt``: 1, 2, ... over all rows of a key.
    - ``key``: content hash of provider, endpoint, model, messages, wire schema, parameters and sample number; with
      ``ask`` = 1 the sha256 of the column ``request``.
    - ``outcome``: ``ok``, ``refused``, ``filtered``, ``truncated``, ``invalid`` were paid for and are final: such a
      key is not sent again (a truncated or invalid first ask is followed by one re-ask, ``ask`` = 2, and the last
      row counts). ``error`` rows brought no reply and are tried again by the next run.
    - ``source``: ``sent``, or ``cache`` for a row copied from a shared cache, whose ``cost_usd`` is 0.
    - what a run cost: ``SELECT SUM(COALESCE(cost_usd, reserved_usd)) FROM attempts``.

    A row of the table ``reopened`` says that the attempts at ``key`` up to the id ``through`` answer no more: the user
    wanted the request asked again. Rows of these two tables are never changed or removed.

    Two more tables, ``batches`` and ``batch_requests``, hold what was handed to a provider's batch service and did
    not come back yet (``autointerp.llm.batch`` reads and writes them).

    ``PRAGMA user_version`` is the layout's version; a file of an older one is brought up to date when it is opened.
    A crash loses at most the replies that were on their way.
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

    def record(self, attempt: Attempt) -> None:
        """Write one attempt; see ``record_many``."""
        self.record_many([attempt])

    def record_many(self, attempts: Sequence[Attempt]) -> None:
        """Write attempts in one transaction; all are on disk when this returns. May be called from any thread.

        Raises:
            AutointerpError: The disk refuses; then none of them is written.
        """
        with self.transaction() as db:
            for attempt in attempts:
                write_attempt(db, attempt)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Statements that are on disk together, or not at all.

        Raises:
            AutointerpError: The disk refuses.
        """
        with self._lock, self._explained(), self._db:
            yield self._db

    def history(self, key: str) -> History:
        """Everything about one request.

        Args:
            key: Its content hash.
        """
        query = (
            f"SELECT id <= (SELECT COALESCE(MAX(through), 0) FROM reopened WHERE key = ?), {_COLUMNS} "  # noqa: S608
            "FROM attempts WHERE key = ? ORDER BY id"
        )
        with self._lock, self._explained():
            rows = [(is_old, _attempt(row)) for is_old, *row in self._db.execute(query, (key, key))]
        return History(
            tuple(attempt for is_old, attempt in rows if not is_old),
            tuple(attempt for is_old, attempt in rows if is_old and attempt.outcome.is_billed),
        )

    def billed(self, key: str) -> list[Attempt]:
        """The attempts of a key that brought a reply, in order; the last says how the request ended.

        Args:
            key: A request's content hash.
        """
        return list(self.history(key).billed)

    def tags(self) -> list[tuple[int, str]]:
        """Id and tag of every attempt, in order: a way to find them without reading long texts."""
        with self._lock, self._explained():
            return list(self._db.execute("SELECT id, tag FROM attempts ORDER BY id"))

    def attempts(self, ids: Iterable[int]) -> list[Attempt]:
        """Attempts by id.

        Args:
            ids: From ``tags``.
        """
        query = f"SELECT {_COLUMNS} FROM attempts WHERE id = ?"  # noqa: S608 - constants
        with self._lock, self._explained():
            return [_attempt(list(row)) for one in ids for row in self._db.execute(query, (one,))]

    def reopen(self, keys: Iterable[str]) -> int:
        """Let requests be asked again: the replies they have answer no more, and still count as money.

        Args:
            keys: Those without a reply (since they were last reopened) stay as they are.

        Returns:
            How many had one.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        statement = (
            "INSERT OR IGNORE INTO reopened (key, through, at) "  # noqa: S608
            f"SELECT key, MAX(id), ? FROM attempts WHERE key = ? AND outcome IN ({_BILLED}) GROUP BY key"
        )
        with self.transaction() as db:
            return db.executemany(statement, [(now, key) for key in keys]).rowcount

    def spent(self) -> tuple[float, int]:
        """What all attempts so far, and all open batches, count against a budget.

        Returns:
            USD (the reserved worst case where the cost is unknown), and the number of requests that may have been
            billed: all but those a server refused and those another run sent.
        """
        query = (
            "SELECT TOTAL(usd), COUNT(*) FROM ("
            "SELECT COALESCE(cost_usd, reserved_usd) AS usd FROM attempts WHERE source = 'sent' "
            "AND NOT (outcome = 'error' AND (COALESCE(http_status, 0) >= 400 OR cost_usd IS 0.0)) "
            "UNION ALL SELECT reserved_usd FROM batch_requests WHERE state <> 'settled')"
        )
        with self._lock, self._explained():
            cost, count = self._db.execute(query).fetchone()
        return float(cost), int(count)

    def _prepare(self, *, read_only: bool) -> None:
        version = self._version()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (tables,) = self._db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if tables == 0 and not read_only:
            self._log_ahead()
            self._create()
            return
        if application != APPLICATION_ID:
            raise UsageError(f"{self.path}: an SQLite file, but not a journal of autointerp. Give another path.")
        if version > VERSION:
            raise UsageError(
                f"{self.path}: journal version {version}, this autointerp reads up to {VERSION}. Update it."
            )
        if not read_only:
            self._log_ahead()
        elif version < VERSION:
            self._db = _in_memory(self._db)
        self._update()

    def _log_ahead(self) -> None:
        """Switch to a write-ahead log; where another process is about to, SQLite says "locked" without waiting."""
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self._db.execute("PRAGMA synchronous=FULL")

    def _create(self) -> None:
        """All at once, also when two processes try."""
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            if self._db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() == (0,):
                for statement in CREATE:
                    self._db.execute(statement)

    def _update(self) -> None:
        """From an older layout to this one, all at once, also when two processes try."""
        if self._version() == VERSION:
            return
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            for statement in UPDATE.get(self._version(), ()):
                self._db.execute(statement)

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

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


def write_attempt(db: sqlite3.Connection, attempt: Attempt) -> None:
    """Add a row for an attempt, within a transaction.

    Args:
        db: From ``Journal.transaction()``.
        attempt: What happened.
    """
    db.execute(_INSERT, (attempt.key, *_row(attempt)))


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(path, timeout=_TIMEOUT_S, check_same_thread=False)
    # without a write-ahead log beside it the file is complete, and "immutable" reads it where nothing can be written
    log = path.with_name(path.name + "-wal")
    mode = "mode=ro" if log.exists() else "immutable=1"
    return sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=_TIMEOUT_S, check_same_thread=False)


def _in_memory(disk: sqlite3.Connection) -> sqlite3.Connection:
    """A copy of a file that must not be touched."""
    copy = sqlite3.connect(":memory:", check_same_thread=False)
    disk.backup(copy)
    disk.close()
    return copy


def _row(attempt: Attempt) -> list[Any]:
    """The values of ``_COLUMNS``."""
    usage = [None if attempt.usage is None else getattr(attempt.usage, name) for name in _TOKENS]
    return [getattr(attempt, name) for name in _OWN] + usage


def _attempt(row: list[Any]) -> Attempt:
    """The attempt of ``_COLUMNS``' values."""
    own, tokens = dict(zip(_OWN, row[: len(_OWN)], strict=True)), row[len(_OWN) :]
    own["outcome"] = Outcome(own["outcome"])
    usage = None if tokens[0] is None else Usage(*(count or 0 for count in tokens))
    return Attempt(**own, usage=usage)
