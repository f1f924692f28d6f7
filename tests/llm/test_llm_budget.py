"""Prices, limits and estimates."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_scripted_server import MODELS, Answer, Asker, ScriptedServer, error, question

from autointerp.errors import UsageError
from autointerp.llm import Journal, Limits, Outcome, Usage, estimate, parse_provider
from autointerp.llm._prices import Price, find_price

PRICES = """
["openai:gpt-test"]
as_of = 2026-11-01
input = 100.0
output = 1000.0
input_cache_read = 10.0
["anthropic:claude-test"]
as_of = 2026-11-01
input = 100.0
output = 1000.0
input_cache_read = 10.0
"""
COST = (80 * 100 + 20 * 10 + 10 * 1000) / 1e6  # of one usual reply


@pytest.fixture
def prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "prices.toml"
    file.write_text(PRICES)
    monkeypatch.setenv("AUTOINTERP_PRICES", str(file))
    return file


def outcomes(asker: Asker, n: int, **limits: float) -> list[str]:
    return [str(reply.outcome) for reply in asker(*map(question, range(n)), **limits)]


def test_costs_are_counted(asker: Asker, prices: Path) -> None:
    del prices
    replies = asker(question(1), question(2))
    assert [reply.cost_usd for reply in replies] == pytest.approx([COST, COST])
    assert asker.notes[-1] == f"2/2 ${2 * COST:.4f}, 220 tokens, 0 of 1 in flight"


def test_a_reask_is_paid_too(asker: Asker, server: ScriptedServer, prices: Path) -> None:
    del prices
    server.script = [error(500), Answer(text="no")]
    (reply,) = asker(question(1))
    assert reply.cost_usd == pytest.approx(2 * COST)


def test_a_cost_bound_needs_a_price(asker: Asker, server: ScriptedServer) -> None:
    with pytest.raises(UsageError, match=r"--prices.*AUTOINTERP_PRICES.*--max-requests"):
        asker(question(1), max_cost_usd=1.0)
    assert server.calls == []


@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_budget_holds_and_a_higher_one_goes_on(
    asker: Asker, server: ScriptedServer, prices: Path, concurrency: int
) -> None:
    del prices
    worst = estimate([question(0)], asker.spec).cost_usd_high
    assert worst is not None
    limit = worst + 5.5 * COST
    found = outcomes(asker, 20, max_cost_usd=limit, max_concurrency=concurrency)
    assert found.count("ok") == 6
    assert found.count("skipped_budget") == 14
    assert outcomes(asker, 20, max_cost_usd=limit, max_concurrency=concurrency) == found
    assert len(server.calls) == 6
    assert outcomes(asker, 20, max_cost_usd=100.0) == ["ok"] * 20
    assert len(server.calls) == 20


def test_a_bound_on_requests(asker: Asker, server: ScriptedServer) -> None:
    server.script = [error(429), Answer(text="no")]
    found = outcomes(asker, 6, max_requests=4)
    assert found == ["ok", "ok", "ok", "skipped_budget", "skipped_budget", "skipped_budget"]
    assert len(server.calls) == 5
    assert outcomes(asker, 6, max_requests=5)[:5] == ["ok", "ok", "ok", "ok", "skipped_budget"]
    assert outcomes(asker, 6, max_requests=0)[4:] == ["skipped_budget"] * 2


def test_a_reask_that_does_not_fit_is_made_later(asker: Asker, server: ScriptedServer) -> None:
    server.script = [Answer(text="no")]
    (reply,) = asker(question(1), max_requests=1)
    assert (reply.outcome, reply.usage.tokens_in) == (Outcome.skipped_budget, 100)
    assert reply.reason == "1 of 1 requests are made"
    (again,) = asker(question(1), max_requests=2)
    assert again.outcome is Outcome.ok


def test_unknown_usage_counts_as_the_worst_case(asker: Asker, server: ScriptedServer, prices: Path) -> None:
    del prices
    server.otherwise = lambda _: Answer(usage=None)
    worst = estimate([question(0)], asker.spec).cost_usd_high
    assert worst is not None
    assert outcomes(asker, 5, max_cost_usd=3.5 * worst) == ["ok"] * 3 + ["skipped_budget"] * 2


def test_cache_prices() -> None:
    price = Price.model_validate({"as_of": "2026-11-01", "input": 2, "output": 4})
    assert price.cost(Usage(1000, 100, tokens_cached=500)) == pytest.approx(0.0024)
    assert price.cost(Usage(1000, 100, tokens_cache_written=1)) is None
    written = price.model_copy(update={"input_cache_write": 3.0})
    assert written.cost(Usage(1000, 0, tokens_cache_written=1000)) == pytest.approx(0.003)


def test_reasoning_and_batches_have_their_prices() -> None:
    plain = Price.model_validate({"as_of": "2026-11-01", "input": 2, "output": 4})
    usage = Usage(1000, 100, tokens_reasoning=60)
    assert plain.cost(usage) == plain.cost(usage, is_batch=True) == pytest.approx(0.0024)
    assert plain.worst_cost(1000, 100, is_batch=True) == pytest.approx(0.0024)
    priced = plain.model_copy(update={"output_reasoning": 10.0, "batch": 0.5})
    assert priced.cost(usage) == pytest.approx(0.002 + (40 * 4 + 60 * 10) / 1e6)
    assert priced.cost(usage, is_batch=True) == pytest.approx(0.001 + (20 * 4 + 30 * 10) / 1e6)
    assert priced.worst_cost(1000, 100) == pytest.approx(0.003)
    assert priced.worst_cost(1000, 100, is_batch=True) == pytest.approx(0.0015)


PRICE = st.floats(0, 1000)


@given(
    st.builds(
        Price,
        as_of=st.just(date(2026, 11, 1)),
        input=PRICE,
        output=PRICE,
        input_cache_read=PRICE | st.none(),
        input_cache_write=PRICE,
        output_reasoning=PRICE | st.none(),
        batch=st.floats(0, 1) | st.none(),
    ),
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**5)),
    st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
    st.booleans(),
)
def test_no_reply_costs_more_than_its_worst_case(
    price: Price, tokens: tuple[int, int], shares: tuple[float, float, float], is_batch: bool
) -> None:
    n_in, n_out = tokens
    read, written, reasoning = shares
    cached = int(n_in * read)
    usage = Usage(n_in, n_out, cached, int((n_in - cached) * written), int(n_out * reasoning))
    cost = price.cost(usage, is_batch=is_batch)
    assert cost is not None
    assert 0 <= cost <= price.worst_cost(n_in, n_out, is_batch=is_batch) * (1 + 1e-9)


def test_reasoning_tokens_are_counted_and_priced_apart(
    openai_asker: Asker, server: ScriptedServer, prices: Path
) -> None:
    prices.write_text(PRICES.replace("input_cache_read", "output_reasoning = 2000.0\ninput_cache_read", 1))
    details = {"completion_tokens_details": {"reasoning_tokens": 6}}
    server.script = [Answer(usage={"prompt_tokens": 100, "completion_tokens": 10, **details})]
    (reply,) = openai_asker(question(1))
    assert reply.usage == Usage(100, 10, tokens_reasoning=6)
    assert reply.cost_usd == pytest.approx((100 * 100 + 4 * 1000 + 6 * 2000) / 1e6)
    with Journal(openai_asker.journal) as book:
        assert book._db.execute("SELECT tokens_out, tokens_reasoning FROM attempts").fetchall() == [(10, 6)]


def test_the_running_cost_is_of_this_call(asker: Asker, server: ScriptedServer, prices: Path) -> None:
    del prices
    server.script = [Answer(text="no")]
    asker(question(1), question(2), max_requests=1)
    asker(question(1), question(2), question(3))
    state = "0 of 1 in flight, 1 of 4 replies did not fit the schema"
    assert asker.notes[-1] == f"3/3 ${3 * COST:.4f}, 330 tokens, {state}"
    (first, *_) = asker(question(1), question(2), question(3))
    assert first.cost_usd == pytest.approx(2 * COST)
    assert asker.notes[-1] == "3/3 $0.0000, 0 tokens"


def test_a_price_file_given_wins_over_the_one_in_the_environment(prices: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('["openai:gpt-test"]\nas_of = 2026-11-01\ninput = 1.0\noutput = 1.0')
    spec = parse_provider("openai:gpt-test")
    assert [found.input for file in (own, None) if (found := find_price(spec, file))] == [1.0, 100.0]
    own.write_text("[")
    with pytest.raises(UsageError, match=r"--prices .*own\.toml"):
        find_price(spec, own)
    assert prices.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "AUTOINTERP_PRICES"),
        ('["openai:m"]\ninput = 1.0\noutput = 1.0', "as_of"),
        ('["openai:m"]\nas_of = 2026-01-01\ninput = -1.0\noutput = 1.0', "input"),
        ('["openai:m"]\nas_of = 2026-01-01\ninput = 1.0\noutput = 1.0\ncheap = 1', "cheap"),
        ('["openai:m"]\nas_of = 2026-01-01\ninput = 1.0\noutput = 1.0\nbatch = 1.5', "batch"),
    ],
)
def test_broken_price_files_say_where(prices: Path, text: str, words: str) -> None:
    prices.write_text(text)
    with pytest.raises(UsageError, match=words):
        find_price(parse_provider("openai:m"))


def test_a_missing_price_file_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTOINTERP_PRICES", str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match=r"none\.toml"):
        find_price(parse_provider("openai:m"))


def test_shipped_prices_are_read_and_unknown_is_unknown() -> None:
    assert find_price(parse_provider("openai:no-such-model")) is None


def test_an_estimate(asker: Asker, server: ScriptedServer, prices: Path) -> None:
    asker(question(1))
    requests = [question(number) for number in (1, 2, 3, 3)]
    found = estimate(requests, asker.spec, journal=asker.journal)
    assert (found.n_requests, found.n_from_journal) == (4, 1)
    assert 0 < found.tokens_in_low < found.tokens_in_expected < found.tokens_in_high
    assert (found.tokens_out_low, found.tokens_out_expected, found.tokens_out_high) == (120, 600, 1200)
    assert found.cost_usd_low is not None
    assert found.cost_usd_high is not None
    assert 0 < found.cost_usd_low < found.cost_usd_high
    assert estimate(requests, asker.spec).tokens_out_high == 1800
    prices.write_text("")
    assert estimate(requests, asker.spec).cost_usd_expected is None
    assert len(server.calls) == 1
    assert estimate([], asker.spec, journal=Path("/none")).tokens_in_high == 0


def test_a_replay_costs_nothing(prices: Path) -> None:
    del prices
    found = estimate([question(1)], parse_provider(f"replay:openai:{MODELS['openai']}"))
    assert (found.cost_usd_high, found.tokens_in_high) == (0.0, 0)


@pytest.mark.parametrize(
    "bad",
    [{"max_cost_usd": -1}, {"max_cost_usd": float("nan")}, {"max_requests": -1}, {"max_concurrency": 0},
     {"requests_per_minute": 0}, {"tokens_per_minute": -1},
     {"timeout_s": 0}, {"timeout_s": float("nan")}, {"max_attempts": 0}],
)  # fmt: skip
def test_limits_that_make_no_sense(bad: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(bad))):
        Limits(**bad)  # type: ignore[arg-type]
