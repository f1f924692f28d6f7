"""The batches that are on their way, in the journal: what is written there can't be submitted twice."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from autointerp.llm._attempt import Attempt
from autointerp.llm._job import Job
from autointerp.llm._journal import Journal, write_attempt
from autointerp.llm._spec import ProviderSpec


@dataclass(frozen=True)
class OpenBatch:
    """A batch with requests whose end is not known here."""

    name: str
    """Ours, made before it was submitted."""
    started: str
    """UTC, ISO 8601."""
    newest_before: str | None
    """The newest batch of the account before this one was submitted; None: there was none."""
    batch_id: str | None
    """The provider's; None: it was about to be submitted when the last run ended."""
    asks: Mapping[str, int]
    """By key, of all its requests: 1 the request itself, 2 its re-ask."""
    reserved_usd: Mapping[str, float | None]
    """By key: the worst case that was set aside."""
    still_open: frozenset[str]
    """The keys that are not settled."""

    def holds(self, job: Job) -> bool:
        """Whether the next reply to a job is to come from this batch."""
        return job.key in self.still_open and self.asks[job.key] == len(job.billed) + 1


class BatchBook:
    """Reads and writes two tables of a journal.

    ``batches``: one row a batch, written before it is submitted; ``batch_id`` follows when the provider has given one.
    ``batch_requests``: its requests by key and ask, with the worst case that is set aside, and a ``state``: ``open``
    (still to come), ``settled`` (its row in ``attempts`` says how it ended) or ``given_up`` (nobody waits for it any
    more; it counts against the budget with its worst case).
    """

    def __init__(self, journal: Journal) -> None:
        """Args: open for writing."""
        self._journal = journal

    def begin(
        self, spec: ProviderSpec, requests: Sequence[tuple[str, int, float | None]], newest: str | None
    ) -> OpenBatch:
        """Write down a batch that is about to be submitted.

        Args:
            spec: Where it goes.
            requests: Key, ask, and worst case in USD of each.
            newest: The account's newest batch at this moment.
        """
        name = uuid.uuid4().hex
        started = datetime.now(UTC).isoformat(timespec="milliseconds")
        row = (name, spec.kind, spec.base_url, spec.model, started, newest)
        members = [(name, *request) for request in requests]
        with self._journal.transaction() as db:
            db.execute(
                "INSERT INTO batches (name, provider, endpoint, model, started, newest_before) VALUES (?,?,?,?,?,?)",
                row,
            )
            db.executemany("INSERT INTO batch_requests (batch, key, ask, reserved_usd) VALUES (?,?,?,?)", members)
        asks, reserved_usd = {key: ask for key, ask, _ in requests}, {key: usd for key, _, usd in requests}
        return OpenBatch(name, started, newest, None, asks, reserved_usd, frozenset(asks))

    def submitted(self, batch: OpenBatch, batch_id: str) -> OpenBatch:
        """Write down the provider's id."""
        with self._journal.transaction() as db:
            db.execute("UPDATE batches SET batch_id = ? WHERE name = ?", (batch_id, batch.name))
        return replace(batch, batch_id=batch_id)

    def drop(self, batch: OpenBatch) -> None:
        """Strike out a batch that surely was not submitted."""
        with self._journal.transaction() as db:
            db.execute("DELETE FROM batch_requests WHERE batch = ?", (batch.name,))
            db.execute("DELETE FROM batches WHERE name = ?", (batch.name,))

    def give_up(self, batch: OpenBatch) -> None:
        """Wait no more for what is open of a batch."""
        with self._journal.transaction() as db:
            db.execute("UPDATE batch_requests SET state = 'given_up' WHERE batch = ? AND state = 'open'", (batch.name,))

    def settle(self, batch: OpenBatch, attempts: Iterable[Attempt]) -> None:
        """Write down how requests of a batch ended, and that it owes nothing more for them."""
        with self._journal.transaction() as db:
            for attempt in attempts:
                write_attempt(db, attempt)
                member = (batch.name, attempt.key)
                db.execute("UPDATE batch_requests SET state = 'settled' WHERE batch = ? AND key = ?", member)

    def holding(self, jobs: Sequence[Job]) -> list[OpenBatch]:
        """The batches that the next replies to some jobs are to come from, oldest first."""
        with self._journal.transaction() as db:
            rows = db.execute(
                "SELECT name, started, newest_before, batch_id FROM batches "
                "WHERE name IN (SELECT batch FROM batch_requests WHERE state = 'open') ORDER BY rowid"
            ).fetchall()
            found = [_open_batch(db, row) for row in rows]
        return [batch for batch in found if any(batch.holds(job) for job in jobs)]


def _open_batch(db: sqlite3.Connection, row: tuple[str, str, str | None, str | None]) -> OpenBatch:
    query = "SELECT key, ask, reserved_usd, state FROM batch_requests WHERE batch = ?"
    members = db.execute(query, row[:1]).fetchall()
    asks, reserved_usd = {key: ask for key, ask, _, _ in members}, {key: usd for key, _, usd, _ in members}
    return OpenBatch(*row, asks, reserved_usd, frozenset(key for key, _, _, state in members if state == "open"))
