"""The journal file: what is in it, and what happens when it is not what it should be."""

from __future__ import annotations

import dataclasses
import sqlite3
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
