"""Runs that end at a bad moment, and what the next run makes of it: nothing is submitted twice by accident."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm_batch_server import LIST, LOOK, SUBMIT, Batch, BatchAsker, BatchServer
from llm_scripted_server import CANARY, Answer, error, question

from autointerp.errors import IncompleteError, InterruptedRunError, UsageError
from autointerp.llm.batch import BatchBook

FIVE = [question(number) for number in range(5)]


class KilledError(BaseException):
    """Nothing of ours catches it."""


def die(monkeypatch: pytest.MonkeyPatch, asker: BatchAsker, place: str) -> None:
    """Run, and end where a method of the book is about to write."""

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(BatchBook, place, killed)
        with pytest.raises(KilledError):
            asker(*FIVE)


def ok(asker: BatchAsker, n: int = 5, **more: Any) -> bool:
    return [reply.outcome for reply in asker(*FIVE[:n], **more)] == ["ok"] * n


@pytest.mark.parametrize(("place", "n_submitted"), [("begin", 0), ("submitted", 1), ("settle", 1)])
def test_a_run_that_died_is_gone_on_with(
    batch_asker: BatchAsker, monkeypatch: pytest.MonkeyPatch, place: str, n_submitted: int
) -> None:
    die(monkeypatch, batch_asker, place)
    assert len(batch_asker.server.batches) == n_submitted
    assert ok(batch_asker)
    assert len(batch_asker.server.batches) == 1
    assert batch_asker.states() == ["settled"] * 5


def test_a_batch_without_an_id_is_told_from_the_others_of_the_account(
    batch_asker: BatchAsker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = batch_asker.server
    other = BatchAsker(batch_asker.kind, server, tmp_path / "other")
    other(*[question(number) for number in range(10, 15)])  # older
    die(monkeypatch, batch_asker, "submitted")
    other(*[question(number) for number in range(20, 25)])  # as large
    other(*[question(number) for number in range(30, 37)])
    server.calls.clear()
    assert ok(batch_asker)
    assert len(server.batches) == 4
    assert server.calls.count(LIST[batch_asker.kind]) == 2  # two batches a page here


def test_what_died_before_it_was_submitted_is_submitted(
    batch_asker: BatchAsker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = batch_asker.server
    server.faults = {SUBMIT[batch_asker.kind]: [Answer(status=200, body=b"<html>")]}
    with monkeypatch.context() as patched:

        async def killed(*_: object) -> None:
            raise KilledError

        patched.setattr("autointerp.llm.batch._calls.pause", killed)
        with pytest.raises(KilledError):
            batch_asker(*FIVE)
    BatchAsker(batch_asker.kind, server, tmp_path / "other")(*[question(number) for number in range(20, 25)])
    assert ok(batch_asker)
    assert [len(batch.requests) for batch in server.batches] == [5, 5]
    assert batch_asker.states() == ["settled"] * 5


@pytest.mark.parametrize("fault", ["lost", Answer(status=200, body=b"<html>"), error(500)])
def test_a_submission_without_an_answer_is_looked_up_before_it_is_repeated(
    kind: str, batch_asker: BatchAsker, pauses: list[float], fault: Answer | str
) -> None:
    batch_asker.server.faults = {SUBMIT[kind]: [fault]}
    assert ok(batch_asker)
    assert len(batch_asker.server.batches) == 1
    assert 15.0 in pauses


def test_what_can_not_be_looked_up_is_not_submitted_again(
    kind: str, batch_asker: BatchAsker, monkeypatch: pytest.MonkeyPatch
) -> None:
    die(monkeypatch, batch_asker, "submitted")
    batch_asker.server.faults = {LIST[kind]: [error(404)] + [Answer(status=200, body=b'{"data": null}')] * 6}
    for _ in range(2):
        with pytest.raises(IncompleteError, match="autointerp label --resume"):
            batch_asker(*FIVE)
    assert len(batch_asker.server.batches) == 1
    assert ok(batch_asker, forget_batches=True)
    assert batch_asker.states() == ["given_up"] * 5 + ["settled"] * 5


def test_a_candidate_without_results_is_for_people_to_decide(
    batches: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    del pauses
    asker = BatchAsker("anthropic", batches, tmp_path)
    die(monkeypatch, asker, "submitted")
    described = batches._described
    monkeypatch.setattr(batches, "_described", lambda batch: described(batch) | {"results_url": None})
    with pytest.raises(IncompleteError, match=r"batch_0.*--forget-batches"):
        asker(*FIVE)
    assert len(batches.batches) == 1


def test_a_batch_that_the_provider_does_not_know_can_be_forgotten(kind: str, batch_asker: BatchAsker) -> None:
    batch_asker.server.faults = {LOOK[kind]: [error(404)]}
    with pytest.raises(IncompleteError, match=r"status 404.*--forget-batches"):
        batch_asker(*FIVE)
    assert ok(batch_asker, forget_batches=True)


def test_ctrl_c_leaves_the_batch_where_it_is(batch_asker: BatchAsker) -> None:
    server = batch_asker.server
    server.n_polls = 3
    server.on_look = lambda batch: os.kill(os.getpid(), signal.SIGINT) if batch.n_looks == 1 else None
    with pytest.raises(InterruptedRunError, match=r"batch_0 \(5 requests\).*go on with: autointerp label --resume"):
        batch_asker(*FIVE)
    assert server.batches[0].n_looks == 1
    assert ok(batch_asker)
    assert len(server.batches) == 1


def test_a_second_ctrl_c_does_not_wait_for_an_answer(kind: str, batches: BatchServer, tmp_path: Path) -> None:
    ending = threading.Event()

    def twice_and_then_silence(_batch: Batch) -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)  # two signals at once are one
        ending.wait(60)

    batches.on_look = twice_and_then_silence
    asker = BatchAsker(kind, batches, tmp_path)
    with pytest.raises(InterruptedRunError, match="batch_0"):
        asker(*FIVE, timeout_s=1000.0)
    ending.set()
    batches.on_look = lambda _batch: None
    assert ok(asker)
    assert len(batches.batches) == 1


def test_ctrl_c_ends_a_wait(kind: str, batches: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autointerp.llm.batch._run.SHORTEST_POLL_S", 1000.0)
    batches.n_polls = 2
    batches.on_look = lambda _batch: threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(InterruptedRunError, match="batch_0"):
        BatchAsker(kind, batches, tmp_path)(*FIVE)


def test_another_selection_takes_its_share_and_leaves_the_rest(batch_asker: BatchAsker) -> None:
    server = batch_asker.server
    server.on_look = lambda _batch: os.kill(os.getpid(), signal.SIGINT)
    server.n_polls = 2
    with pytest.raises(InterruptedRunError):
        batch_asker(*FIVE[:4])
    server.on_look = lambda _batch: None
    assert ok(batch_asker, 2)
    assert batch_asker.states() == ["open"] * 2 + ["settled"] * 2
    assert ok(batch_asker, 5)
    assert [len(batch.requests) for batch in server.batches] == [4, 1]


def test_what_is_in_a_batch_is_not_asked_live_by_accident(batch_asker: BatchAsker, price_of_all: float) -> None:
    server = batch_asker.server
    server.n_polls = 2
    server.on_look = lambda _batch: os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(InterruptedRunError):
        batch_asker(*FIVE[:3])
    with pytest.raises(UsageError, match=r"3 of the requests are in a batch.*--llm batch:.*--forget-batches"):
        batch_asker(*FIVE, way="")
    skipped = batch_asker(FIVE[4], way="", max_cost_usd=3 * price_of_all)  # the batch's worst case is set aside
    assert [reply.outcome for reply in skipped] == ["skipped_budget"]
    assert batch_asker.rows() == []


@pytest.fixture
def price_of_all(set_price: Callable[[float, float], None]) -> float:
    """What a request costs at most: output alone is priced."""
    set_price(0.0, 10.0)
    return 600 * 10.0 / 1e6


def test_a_re_ask_is_gone_on_with(batch_asker: BatchAsker, monkeypatch: pytest.MonkeyPatch) -> None:
    server = batch_asker.server
    server.answer = lambda line: Answer(stop="cut") if "1200" not in str(line) else Answer()

    def stop_at_second(batch: Batch) -> None:
        if batch.batch_id == "batch_1" and batch.n_looks == 1:
            os.kill(os.getpid(), signal.SIGINT)

    server.on_look, server.n_polls = stop_at_second, 2
    with pytest.raises(InterruptedRunError):
        batch_asker(*FIVE)
    assert ok(batch_asker)
    assert [len(batch.requests) for batch in server.batches] == [5, 5]
    assert [row[1:3] for row in batch_asker.rows()] == [(1, "truncated")] * 5 + [(2, "ok")] * 5


@pytest.mark.faults
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_process_submits_once(kind: str, batch_asker: BatchAsker, tmp_path: Path) -> None:
    """SIGKILL while the provider has the batch and its answer is not here yet."""
    server, spec = batch_asker.server, batch_asker.spec
    pid = tmp_path / "pid"
    described = server._described

    def kill_the_first(batch: Batch) -> object:
        if pid.exists() and batch.n_looks == 0:
            os.kill(int(pid.read_text()), signal.SIGKILL)
            pid.unlink()
        return described(batch)

    server._described = kill_the_first  # type: ignore[assignment,method-assign]
    script = (
        "import os, sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from llm_scripted_server import question\n"
        "from autointerp.llm import ask, parse_provider\n"
        f"Path({str(pid)!r}).write_text(str(os.getpid()))\n"
        f"provider = parse_provider({str(spec)!r}, base_url={spec.base_url!r})\n"
        f"ask([question(n) for n in range(5)], provider=provider, journal=Path({str(batch_asker.journal)!r}))\n"
    )
    environment = {**os.environ, f"{kind.upper()}_API_KEY": CANARY}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert len(server.batches) == 1
    assert ok(batch_asker)
    assert len(server.batches) == 1
