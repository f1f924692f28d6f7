"""The journal file: what is in it, and what happens when it is not what it should be."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autointerp.errors import AutointerpError, UsageError
from autointerp.llm import Attempt, Journal, Outcome, Usage
from autointerp.llm._journal import VERSION

ATTEMPT = Attempt(
    key="k",
    tag="feature 7",
    provider="openai",
    endpoint="http://127.0.0.1:1/v1",
    model="m",
    rung="json_schema",
    ask=1,
    request="{}",
    reply="x\x00y",
    outcome=Outcome.ok,
    reason="",
    usage=Usage(10, 2, 3, 1),
    cost_usd=0.5,
    reserved_usd=0.75,
    started="2026-01-01T00:00:00.000+00:00",
    seconds=1.5,
    http_status=200,
    request_id="r",
)


def variant(**changes: object) -> Attempt:
    return dataclasses.replace(ATTEMPT, **changes)  # type: ignore[arg-type]


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    other = variant(outcome=Outcome.invalid, usage=None, cost_usd=None, reply=None, http_status=None, request_id=None)
    with Journal(tmp_path / "a" / "j.sqlite3") as book:
        book.record(ATTEMPT)
        book.record(variant(key="other"))
        book.record(variant(outcome=Outcome.error))
        book.record(other)
        assert book.billed("k") == [ATTEMPT, other]
        assert book.billed("unknown") == []
    with Journal(tmp_path / "a" / "j.sqlite3", read_only=True) as book:
        assert book.billed("k") == [ATTEMPT, other]


def test_attempts_are_found_by_their_tags(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite3") as book:
        for key, tag in (("a", "label 7"), ("b", "label 8"), ("a", "label 7")):
            book.record(variant(key=key, tag=tag))
        tags = book.tags()
        assert [tag for _, tag in tags] == ["label 7", "label 8", "label 7"]
        ids = [number for number, tag in tags if tag == "label 7"]
        assert book.attempts(ids) == [variant(key="a", tag="label 7")] * 2
        assert book.attempts([99]) == []


def test_any_sqlite_tool_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "j.sqlite3"
    with Journal(file) as book:
        book.record(ATTEMPT)
        book.record(variant(outcome=Outcome.refused))
        assert book._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert [one.name for one in tmp_path.iterdir()] == ["j.sqlite3"]
    plain = sqlite3.connect(file)
    rows = plain.execute("SELECT key, attempt, outcome, tokens_in, cost_usd FROM attempts ORDER BY id").fetchall()
    assert rows == [("k", 1, "ok", 10, 0.5), ("k", 2, "refused", 10, 0.5)]
    assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert plain.execute("PRAGMA user_version").fetchone() == (VERSION,)
    (plan,) = plain.execute("EXPLAIN QUERY PLAN SELECT * FROM attempts WHERE key = 'k'").fetchall()
    assert "attempts_by_key" in plan[3]
    plain.close()


def test_what_counts_as_spent(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as book:
        assert book.spent() == (0.0, 0)
        book.record(ATTEMPT)
        book.record(variant(cost_usd=None))
        book.record(variant(outcome=Outcome.error, cost_usd=None, http_status=None))
        book.record(variant(outcome=Outcome.error, cost_usd=None, http_status=200))
        book.record(variant(outcome=Outcome.error, cost_usd=0.0, http_status=429))
        assert book.spent() == (0.5 + 3 * 0.75, 4)


def test_final_is_final() -> None:
    first = {outcome: variant(outcome=outcome).is_final for outcome in Outcome}
    assert {outcome for outcome, final in first.items() if final} == {Outcome.ok, Outcome.refused, Outcome.filtered}
    second = {outcome for outcome in Outcome if variant(outcome=outcome, ask=2).is_final}
    assert second == {outcome for outcome in Outcome if outcome.is_billed}


def test_a_foreign_file_is_not_touched(tmp_path: Path) -> None:
    text, other, newer = tmp_path / "text", tmp_path / "other", tmp_path / "newer"
    text.write_text("not a database, but long enough to be taken for one" * 20)
    with sqlite3.connect(other) as plain:
        plain.execute("CREATE TABLE mine (x)")
    plain.close()
    Journal(newer).close()
    with sqlite3.connect(newer) as plain:
        plain.execute(f"PRAGMA user_version = {VERSION + 1}")
    plain.close()
    before = [file.read_bytes() for file in (text, other, newer)]
    for file, words in ((text, "damaged"), (other, "not a journal of autointerp"), (newer, "Update it")):
        for read_only in (False, True):
            with pytest.raises(UsageError, match=words):
                Journal(file, read_only=read_only)
    assert [file.read_bytes() for file in (text, other, newer)] == before


def test_a_damaged_journal_says_so(tmp_path: Path) -> None:
    file = tmp_path / "j"
    with Journal(file) as book:
        for _ in range(50):
            book.record(variant(request="x" * 500))
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xab" * (len(content) - 4096)
    file.write_bytes(bytes(content))
    with pytest.raises(UsageError, match="damaged"), Journal(file) as book:
        book.billed("k")


def test_a_full_disk_is_a_clean_error_and_costs_no_row(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as book:
        book.record(ATTEMPT)
        (pages,) = book._db.execute("PRAGMA page_count").fetchone()
        book._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(AutointerpError, match="full"):
            book.record(variant(request="x" * 100_000))
        assert len(book.billed("k")) == 1


def test_a_place_that_cant_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AutointerpError, match="journal can't be"):
        Journal(tmp_path / "file" / "j")
    with pytest.raises(AutointerpError, match="journal can't be"):
        Journal(tmp_path)


def test_many_threads_may_write(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as book:
        threads = [
            threading.Thread(target=lambda: [book.record(ATTEMPT) for _ in range(10)])  # type: ignore[func-returns-value]
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [row[0] for row in book._db.execute("SELECT attempt FROM attempts ORDER BY id")] == list(range(1, 41))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_hostile_text_survives(tmp_path: Path, reply: str, tag: str) -> None:
    key = f"{reply}|{tag}"
    with Journal(tmp_path / "j") as book:
        book.record(variant(key=key, reply=reply, tag=tag))
        assert (book.billed(key)[-1].reply, book.billed(key)[-1].tag) == (reply, tag)


def outcomes(book: Journal, key: str) -> list[str]:
    return [str(attempt.outcome) for attempt in book.billed(key)]


def test_a_reopened_request_has_no_answer_and_has_cost_what_it_cost(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as book:
        book.record_many([ATTEMPT, variant(key="other"), variant(key="failed", outcome=Outcome.error)])
        assert book.reopen(["k", "k", "failed", "unknown"]) == 1
        history = book.history("k")
        assert (history.attempts, history.superseded, history.outcome) == ((), (ATTEMPT,), None)
        assert (history.is_final, history.is_awaited) == (False, True)
        assert book.history("failed").outcome is Outcome.error
        assert not book.history("failed").is_awaited
        assert book.history("other").is_final
        assert book.reopen(["k"]) == 0
        assert book.spent() == (3 * 0.5, 3)
    with Journal(tmp_path / "j") as book:
        book.record_many([variant(outcome=Outcome.error), variant(outcome=Outcome.refused)])
        assert outcomes(book, "k") == ["refused"]
        history = book.history("k")
        assert [str(one.outcome) for one in history.attempts] == ["error", "refused"]
        assert (history.is_final, history.is_awaited) == (True, False)
        assert book.reopen(["k"]) == 1
        book.record(ATTEMPT)
        assert outcomes(book, "k") == ["ok"]
        assert [str(one.outcome) for one in book.history("k").superseded] == ["ok", "refused"]
        plain = "SELECT key, through FROM reopened ORDER BY through"
        assert book._db.execute(plain).fetchall() == [("k", 1), ("k", 5)]


def test_an_answer_of_another_run_costs_this_one_nothing(tmp_path: Path) -> None:
    taken = variant(reserved_usd=0.75).for_another_run()
    assert (taken.source, taken.cost_usd, taken.saved_usd) == ("cache", 0.0, 0.5)
    assert taken.for_another_run() == taken
    with Journal(tmp_path / "j") as book:
        book.record_many([taken, variant(cost_usd=None).for_another_run()])
        assert book.spent() == (0.0, 0)
        assert book.billed("k")[0] == taken
        query = "SELECT source, cost_usd, saved_usd FROM attempts ORDER BY id"
        assert book._db.execute(query).fetchall() == [("cache", 0.0, 0.5), ("cache", 0.0, None)]


VERSION_1 = """
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL, attempt INTEGER NOT NULL, tag TEXT NOT NULL,
    provider TEXT NOT NULL, endpoint TEXT NOT NULL, model TEXT NOT NULL, rung TEXT NOT NULL, ask INTEGER NOT NULL,
    outcome TEXT NOT NULL, reason TEXT NOT NULL,
    tokens_in INTEGER, tokens_out INTEGER, tokens_cached INTEGER, tokens_cache_written INTEGER,
    cost_usd REAL, reserved_usd REAL,
    started TEXT NOT NULL, seconds REAL NOT NULL, http_status INTEGER, request_id TEXT,
    request TEXT NOT NULL, reply TEXT
);
CREATE INDEX attempts_by_key ON attempts (key);
PRAGMA application_id = 1095322161;
PRAGMA user_version = 1;
INSERT INTO attempts VALUES (1, 'k', 1, 'feature 7', 'openai', 'http://127.0.0.1:1/v1', 'm', 'json_schema', 1,
    'ok', '', 10, 2, 3, 1, 0.5, 0.75, '2026-01-01T00:00:00.000+00:00', 1.5, 200, 'r', '{}', 'yes');
INSERT INTO attempts VALUES (2, 'l', 1, '', 'openai', 'http://127.0.0.1:1/v1', 'm', 'json_schema', 1,
    'invalid', 'odd', NULL, NULL, NULL, NULL, NULL, 0.75, '2026-01-01T00:00:00.000+00:00', 1.5, 200, NULL, '{}', 'no');
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A journal as the first version of this project wrote it."""
    file = tmp_path / "old"
    plain = sqlite3.connect(file)
    plain.execute("PRAGMA journal_mode=WAL")
    plain.executescript(VERSION_1)
    plain.close()
    return file


def test_an_older_journal_is_brought_up_to_date(old: Path) -> None:
    for _ in range(2):
        with Journal(old) as book:
            assert book._db.execute("PRAGMA user_version").fetchone() == (VERSION,)
            assert book.billed("k") == [variant(reply="yes")]
            assert [one.usage for one in book.billed("l")] == [None]
            assert book.spent() == (0.5 + 0.75, 2)
    with Journal(old) as book:
        book.reopen(["k"])
        book.record(variant(usage=Usage(10, 2, 3, 1, 2)))
        assert [one.usage for one in book.billed("k")] == [Usage(10, 2, 3, 1, 2)]


def test_an_older_journal_can_be_replayed_untouched(old: Path) -> None:
    before = old.read_bytes()
    old.chmod(0o444)
    with Journal(old, read_only=True) as book:
        assert book.billed("k") == [variant(reply="yes")]
        assert not book.history("l").is_final
    assert old.read_bytes() == before
    assert [one.name for one in old.parent.iterdir()] == ["old"]


def test_several_may_bring_it_up_to_date_at_once(old: Path) -> None:
    failures: list[Exception] = []

    def use() -> None:
        try:
            with Journal(old) as book:
                book.record(ATTEMPT)
        except AutointerpError as error:
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Journal(old) as book:
        assert len(book.billed("k")) == 1 + 8


WRITER = """
import sys
from pathlib import Path
from autointerp.llm import Journal

sys.path.insert(0, sys.argv[2])
from test_llm_journal import ATTEMPT

with Journal(Path(sys.argv[1])) as book:
    for _ in range(25):
        book.record(ATTEMPT)
"""


class _Busy:
    """A connection to a file that another process is switching to a write-ahead log, for the first three tries."""

    def __init__(self, code: int) -> None:
        self.code, self.asked = code, []

    def execute(self, statement: str) -> None:
        self.asked.append(statement)
        if len(self.asked) <= 3:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error


def test_a_file_that_another_process_is_switching_is_waited_for(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as book:
        real, book._db = book._db, _Busy(sqlite3.SQLITE_BUSY)
        book._log_ahead()
        assert book._db.asked == ["PRAGMA journal_mode=WAL"] * 4 + ["PRAGMA synchronous=FULL"]
        book._db = _Busy(sqlite3.SQLITE_FULL)
        with pytest.raises(sqlite3.OperationalError):
            book._log_ahead()
        book._db = real


def test_two_processes_may_write(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "j"), str(Path(__file__).parent)]
    children = [subprocess.Popen(command) for _ in range(2)]
    assert [child.wait(60) for child in children] == [0, 0]
    with Journal(tmp_path / "j") as book:
        numbers = [row[0] for row in book._db.execute("SELECT attempt FROM attempts ORDER BY id")]
    assert numbers == list(range(1, 51))
