"""Answers that runs share: paid for once, checked when they are taken, and never in the way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm_scripted_server import GOOD, MODELS, Answer, Asker, Call, ScriptedServer, error, question, spec_for

from autointerp.errors import UsageError
from autointerp.llm import Asking, Journal, Limits, Outcome, Reply, Request, Usage, ask, request_key

PRICES = "\n".join(
    f'["{kind}:{model}"]\nas_of = 2026-11-01\ninput = 100.0\noutput = 1000.0\n' for kind, model in MODELS.items()
)
COST = (100 * 100 + 10 * 1000) / 1e6  # of one usual reply


class Runs:
    """Runs with journals of their own and one cache."""

    def __init__(self, asker: Asker, folder: Path) -> None:
        self.asker, self.folder, self.cache = asker, folder, folder / "shared"
        self.prices = folder / "prices.toml"
        self.prices.write_text(PRICES)

    def journal(self, name: str) -> Path:
        return self.folder / name / "journal.sqlite3"

    def __call__(self, name: str, *requests: Request, **limits: Any) -> list[Reply]:
        limits = {"max_concurrency": 1, **limits}
        return ask(
            requests,
            provider=self.asker.spec,
            journal=self.journal(name),
            limits=Limits(**limits),
            cache=self.cache,
            prices=self.prices,
            progress=self.asker._progress,
        )

    def file(self, request: Request) -> Path:
        key = request_key(request, self.asker.spec)
        return self.cache / key[:2] / f"{key}.json"


@pytest.fixture
def runs(asker: Asker, tmp_path: Path) -> Runs:
    return Runs(asker, tmp_path)


def test_what_one_run_bought_none_buys_again(runs: Runs, server: ScriptedServer) -> None:
    bad = {0: [Answer(stop="refused")], 1: [Answer(text="no"), Answer(text="no")], 2: [Answer(stop="cut")]}

    def answer(call: Call) -> Answer:
        left = bad.get(int(re.findall(r"question (\d+)", call.text)[0]))
        return left.pop(0) if left else Answer()

    server.otherwise = answer
    first = runs("a", *map(question, range(5)), max_requests=100)
    assert [str(reply.outcome) for reply in first] == ["refused", "invalid", "ok", "ok", "ok"]
    n_sent = len(server.calls)
    second = runs("b", *map(question, range(5)), max_requests=0, max_cost_usd=0.0)
    assert len(server.calls) == n_sent == 7
    assert [(one.outcome, one.value, one.usage) for one in second] == [
        (one.outcome, one.value, one.usage) for one in first
    ]
    assert [reply.cost_usd for reply in first] == pytest.approx([COST, 2 * COST, 2 * COST, COST, COST])
    assert [reply.cost_usd for reply in second] == [0.0] * 5
    assert all(reply.from_journal for reply in second)
    assert runs.asker.notes[-1] == "5/5 $0.0000, 0 tokens"
    with Journal(runs.journal("b")) as book:
        assert book.spent() == (0.0, 0)
        saved = book._db.execute("SELECT SUM(saved_usd), COUNT(*) FROM attempts WHERE source = 'cache'").fetchone()
    assert saved == (pytest.approx(7 * COST), 7)


def test_an_answer_is_shared_as_soon_as_it_is_there(runs: Runs, server: ScriptedServer) -> None:
    server.script = [Answer(), error(500), Answer()]
    seen = []
    server.otherwise = lambda _: seen.append(runs.file(question(0)).exists()) or Answer()
    runs("a", *map(question, range(3)))
    assert seen == [True]


def test_errors_are_not_shared(runs: Runs, server: ScriptedServer) -> None:
    server.script = [error(404), Answer(text="no"), error(404)]
    assert [str(one.outcome) for one in runs("a", question(1), question(2))] == ["error", "error"]
    assert not runs.file(question(1)).exists()
    assert not runs.file(question(2)).exists()
    assert [str(one.outcome) for one in runs("b", question(1), question(2))] == ["ok", "ok"]


def test_a_first_ask_of_our_own_is_completed_from_the_cache(runs: Runs, server: ScriptedServer) -> None:
    server.script = [Answer(text="no")]
    assert runs("a", question(1), max_requests=1)[0].outcome is Outcome.skipped_budget
    runs("b", question(1))
    (reply,) = runs("a", question(1), max_requests=1)
    assert (reply.outcome, reply.cost_usd, len(server.calls)) == (Outcome.ok, pytest.approx(COST), 2)


def test_a_run_made_without_a_cache_fills_it_later(runs: Runs, server: ScriptedServer) -> None:
    ask([question(1)], provider=runs.asker.spec, journal=runs.journal("a"))
    runs("a", question(1))
    runs("b", question(1))
    assert len(server.calls) == 1
    before = runs.file(question(1)).stat().st_mtime_ns
    runs("a", question(1))
    assert runs.file(question(1)).stat().st_mtime_ns == before


def test_a_retry_asks_the_provider_and_gives_others_the_new_answer(runs: Runs, server: ScriptedServer) -> None:
    server.script = [Answer(stop="refused")]
    runs("a", question(1))
    runs("b", question(1))
    with Journal(runs.journal("a")) as book:
        book.reopen([request_key(question(1), runs.asker.spec)])
    (again,) = runs("a", question(1))
    assert (again.outcome, again.cost_usd, len(server.calls)) == (Outcome.ok, pytest.approx(2 * COST), 2)
    assert runs("b", question(1))[0].outcome is Outcome.refused
    assert runs("c", question(1))[0].outcome is Outcome.ok
    assert len(server.calls) == 2


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def apply(content: bytes) -> bytes:
        entry = json.loads(content)
        change(entry)
        return json.dumps(entry).encode()

    return apply


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda content: content[: len(content) // 2],
    "binary": lambda _: b"\x80\x04\x95\xff",
    "no_object": lambda _: b"[]",
    "newer": changed(lambda entry: entry.update(version=2)),
    "more": changed(lambda entry: entry.update(extra=1)),
    "nothing": changed(lambda entry: entry.update(attempts=[])),
    "not_final": changed(lambda entry: entry["attempts"][0].update(outcome="truncated")),
    "no_outcome": changed(lambda entry: entry["attempts"][0].update(outcome="fine")),
    "error": changed(lambda entry: entry["attempts"][0].update(outcome="error")),
    "odd_tokens": changed(lambda entry: entry["attempts"][0]["usage"].update(tokens_in="many")),
    "foreign": changed(lambda entry: entry["attempts"][0].update(request="{}")),
    "unfit": changed(lambda entry: entry["attempts"][0].update(reply=GOOD.replace("4", "9"))),
    "no_reply": changed(lambda entry: entry["attempts"][0].update(reply=None)),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_entry_is_passed_over_and_written_anew(
    openai_asker: Asker, tmp_path: Path, server: ScriptedServer, name: str
) -> None:
    runs = Runs(openai_asker, tmp_path)
    runs("a", question(1))
    file = runs.file(question(1))
    good = file.read_bytes()
    file.write_bytes(SPOILT[name](good))
    assert runs("b", question(1))[0].outcome is Outcome.ok
    assert len(server.calls) == 2
    assert any("passed over" in note for note in openai_asker.notes)
    assert json.loads(file.read_bytes()).keys() == json.loads(good).keys()
    runs("c", question(1))
    assert len(server.calls) == 2


def test_an_entry_under_a_foreign_name_is_no_answer(runs: Runs, server: ScriptedServer) -> None:
    runs("a", question(1))
    other = runs.file(question(2))
    other.parent.mkdir(exist_ok=True)
    runs.file(question(1)).rename(other)
    runs("b", question(2))
    assert len(server.calls) == 2
    assert any("another request" in note for note in runs.asker.notes)


def test_a_cache_that_cant_be_written_is_in_nobodys_way(runs: Runs, server: ScriptedServer) -> None:
    key = request_key(question(1), runs.asker.spec)
    runs.cache.mkdir()
    (runs.cache / key[:2]).write_text("")
    assert [str(one.outcome) for one in runs("a", question(1), question(2))] == ["ok", "ok"]
    assert any("answers stay in this run alone" in note for note in runs.asker.notes)
    assert len(server.calls) == 2


def test_a_file_is_no_cache(runs: Runs, server: ScriptedServer) -> None:
    runs.cache.write_text("")
    with pytest.raises(UsageError, match="--cache"):
        runs("a", question(1))
    assert server.calls == []


def test_a_replay_takes_from_its_journal_alone(runs: Runs, server: ScriptedServer, kind: str) -> None:
    runs("a", question(1))
    runs("b", question(2))
    runs.asker.spec = spec_for(kind, server, replay=True)
    assert [str(one.outcome) for one in runs("b", question(1), question(2))] == ["error", "ok"]


def test_what_is_left_stays_as_the_journal_has_it(runs: Runs, server: ScriptedServer) -> None:
    runs("a", question(1), question(2), question(3))
    server.script = [Answer(text="no")]
    requests, journal = [question(1), question(2)], runs.journal("b")
    ask(requests, provider=runs.asker.spec, journal=journal, limits=Limits(max_requests=1, max_concurrency=1))
    found = ask(
        [*requests, question(3)],
        provider=runs.asker.spec,
        journal=journal,
        cache=runs.cache,
        leave={request_key(question(number), runs.asker.spec) for number in (1, 2)},
    )
    assert [str(reply.outcome) for reply in found] == ["invalid", "error", "ok"]
    assert found[1].reason == "not in the journal"
    assert len(server.calls) == 3 + 1


def test_an_estimate_counts_what_the_cache_has(runs: Runs) -> None:
    runs("a", question(1), question(2))
    runs("b", question(2))
    asking = Asking(base_url=runs.asker.spec.base_url, cache=runs.cache, prices=runs.prices)
    requests = [*map(question, range(4)), question(3)]
    found = asking.estimate(str(runs.asker.spec), requests, journal=runs.journal("b"))
    counts = (found.n_requests, found.n_from_journal, found.n_from_cache, found.n_to_send)
    assert counts == (5, 1, 1, 2)
    assert found.tokens_out_high == 2 * 600
    with Journal(runs.journal("b")) as book:
        book.reopen([request_key(question(2), runs.asker.spec)])
    again = asking.estimate(str(runs.asker.spec), requests, journal=runs.journal("b"))
    assert (again.n_from_journal, again.n_from_cache, again.n_to_send) == (0, 1, 3)


def test_an_entry_is_plain_json(runs: Runs) -> None:
    runs("a", question(1))
    entry = json.loads(runs.file(question(1)).read_text(encoding="utf-8"))
    (attempt,) = entry["attempts"]
    assert (entry["version"], entry["key"]) == (1, request_key(question(1), runs.asker.spec))
    assert (attempt["outcome"], attempt["reply"], attempt["source"]) == ("ok", GOOD, "sent")
    assert Usage(**attempt["usage"]) == Usage(100, 10, 20)


CHILD = """
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from autointerp.llm import Limits, ask, parse_provider
from llm_scripted_server import question

for number in range(3):
    replies = ask(
        [question(number) for number in range(20)],
        provider=parse_provider("openai:gpt-test", base_url=sys.argv[2]),
        journal=Path(sys.argv[3]) / f"{number}.sqlite3",
        limits=Limits(max_concurrency=4),
        cache=Path(sys.argv[4]),
    )
    assert {str(reply.outcome) for reply in replies} == {"ok"}
"""


@pytest.mark.slow
def test_processes_share_a_cache_at_the_same_time(server: ScriptedServer, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), f"{server.root}/v1"]
    children = [
        subprocess.Popen([*command, str(tmp_path / str(number)), str(tmp_path / "shared")]) for number in range(3)
    ]
    assert [child.wait(120) for child in children] == [0, 0, 0]
    assert 20 <= len(server.calls) <= 3 * 20  # each process sends at most in its first run
    files = list((tmp_path / "shared").rglob("*"))
    assert len([file for file in files if file.is_file()]) == 20
