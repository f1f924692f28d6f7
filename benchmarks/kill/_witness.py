"""What the server, the journal and an outside reader say about one run that is killed again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from autointerp.run import RunDirectory
from benchmarks.kill._books import Books, Row, examine, look
from benchmarks.kill._server import Server


@dataclass(frozen=True)
class Kill:
    """One of them. All but the first two are 0 where nothing is wrong."""

    n_owed: int
    """Requests that the server had received and not answered."""
    n_unwritten: int
    """Requests of this life that left no row, answered or not: the next life pays for them again."""
    n_lost: int
    """Rows of earlier lives, and rows that a reader saw right before, that are gone or changed."""
    n_forgotten: int
    """Replies that the listener was told of, and that are gone."""
    n_repeated: int
    """Requests of this life that had a row before it, or were sent twice in it."""
    n_damaged: int
    """1 where SQLite's integrity check fails."""
    n_torn: int
    """1 where there is a ``labels.csv`` that is not the whole one."""


class Witness:
    """Watches one run, life by life."""

    def __init__(self, run: RunDirectory, server: Server, *, whole: bytes) -> None:
        """Watch.

        Args:
            run: The directory.
            server: Nobody else asks it.
            whole: The ``labels.csv`` of a run that nothing happened to.
        """
        self.run, self.kills = run, list[Kill]()
        self.n_requests = 0
        self._server, self._whole = server, whole
        self._books, self._seen = Books(), frozenset[Row]()
        self._sent, self._excused = Counter[str](), Counter[str]()

    @property
    def n_final(self) -> int:
        """Requests that were answered for good when the last life ended."""
        return self._books.n_final

    def kill_after(self, n_requests: int, delay_s: float, kill: Callable[[], None]) -> None:
        """Kill this life, and look at its journal right before.

        Args:
            n_requests: Once the server received so many (0: at once) ...
            delay_s: ... and this time has gone by.
            kill: Sends the signal.
        """

        def strike() -> None:
            if n_requests:  # before the first there may be no journal to look at
                self._seen = look(self.run.journal)
            kill()

        self._server.strike_after(n_requests, delay_s, strike)

    def life_ended(self, *, was_killed: bool, n_told: int = 0) -> None:
        """Compare what is there with what was there.

        Args:
            was_killed: Or else it ended by itself.
            n_told: Replies that the listener was told are there.
        """
        life, before = self._server.end_life(), set(self._books.questions)
        promised = self._books.rows | self._seen
        self._books, self._seen = examine(self.run.journal), frozenset()
        unwritten = set(life.received) - set(self._books.questions)
        self.n_requests += len(life.received)
        self._sent.update(life.received)
        if not was_killed:
            return
        self._excused.update(unwritten)
        repeated = [question for question in life.received if question in before]
        self.kills.append(
            Kill(
                n_owed=life.n_owed,
                n_unwritten=len(unwritten),
                n_lost=len(promised - self._books.rows),
                n_forgotten=max(0, n_told - self._books.n_final),
                n_repeated=len(repeated) + len(life.received) - len(set(life.received)),
                n_damaged=int(not self._books.is_sound),
                n_torn=int(self._content(self.run.labels_csv) not in (b"", self._whole)),
            )
        )

    @property
    def is_equal(self) -> bool:
        """Whether ``labels.csv`` is, byte for byte, that of the run that nothing happened to."""
        return self._content(self.run.labels_csv) == self._whole

    @property
    def n_paid_twice(self) -> int:
        """Payments beyond one a request, and one more for each kill that it was in flight at."""
        return sum(max(0, n - 1 - self._excused[question]) for question, n in self._sent.items())

    @property
    def n_rows_twice(self) -> int:
        """Requests with more than one row, or none."""
        rows = Counter(self._books.questions)
        return sum(rows[question] != 1 for question in self._sent)

    @staticmethod
    def _content(file: Path) -> bytes:
        return file.read_bytes() if file.exists() else b""


def total(kills: Collection[Kill], name: str) -> int:
    """A field of ``Kill``, summed."""
    return sum(getattr(kill, name) for kill in kills)
