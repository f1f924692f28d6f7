"""A labelling run that is killed, again and again, loses nothing and pays twice only for what was in flight."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from autointerp.run import RunDirectory
from benchmarks.kill._campaign import PRICES, kill_runs
from benchmarks.kill._lives import N_AT_ONCE, live
from benchmarks.kill._prepare import prepare
from benchmarks.kill._server import Server
from benchmarks.kill._witness import Witness, total

N_KILLS = 200


@pytest.mark.faults
@pytest.mark.slow
def test_200_kills_lose_nothing_and_pay_twice_only_for_what_was_in_flight(tmp_path: Path) -> None:
    tally = kill_runs(tmp_path, n_kills=N_KILLS, seed=1)
    kills = tally.kills
    assert len(kills) == N_KILLS
    assert tally.in_flight_share >= 0.9
    assert total(kills, "n_damaged") == 0
    assert total(kills, "n_lost") == 0
    assert total(kills, "n_forgotten") == 0
    assert total(kills, "n_repeated") == 0
    assert tally.n_paid_twice == 0
    assert 0 < max(kill.n_unwritten for kill in kills) <= N_AT_ONCE
    assert tally.n_rows_twice == 0
    assert total(kills, "n_torn") == 0
    assert tally.n_equal == tally.n_runs > 1
    assert tally.is_clean


def test_what_is_lost_or_paid_for_twice_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none-needed")
    run, prices, told = prepare(tmp_path / "run", n_features=12), tmp_path / "prices.toml", tmp_path / "told"
    prices.write_text(PRICES, encoding="utf-8")
    with Server() as server, told.open("wb", buffering=0) as pipe:
        witness = Witness(run, server, whole=b"something else")
        live(run, url=server.url, prices=prices, told=pipe)
        struck = threading.Event()
        witness.kill_after(12, 0.0, struck.set)
        assert struck.wait(60)
        tamper(run)
        witness.life_ended(was_killed=True, n_told=12)
        live(run, url=server.url, prices=prices, told=pipe)
        witness.life_ended(was_killed=True)
    first, second = witness.kills
    assert (first.n_lost, first.n_forgotten, first.n_unwritten, first.n_repeated, first.n_torn) == (2, 2, 1, 0, 1)
    assert (second.n_lost, second.n_forgotten, second.n_unwritten, second.n_repeated) == (0, 0, 0, 1)
    assert witness.n_paid_twice == 1
    assert witness.n_rows_twice == 1
    assert not witness.is_equal


def tamper(run: RunDirectory) -> None:
    """Take one answer out of the journal, and make an error of another."""
    with closing(sqlite3.connect(run.journal)) as journal, journal:
        one, other = journal.execute("SELECT id FROM attempts WHERE outcome = 'ok' AND ask = 1 LIMIT 2").fetchall()
        journal.execute("DELETE FROM attempts WHERE id = ?", one)
        journal.execute("UPDATE attempts SET outcome = 'error' WHERE id = ?", other)
