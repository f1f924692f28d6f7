"""Replies that came, and can't be used as they are: named, counted, asked once more at most, never repaired."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from llm_scripted_server import GOOD, Answer, Asker, Call, ScriptedServer, Verdict, question

from autointerp.llm import Attempt, Journal, Outcome, estimate, request_key

PRICES = "".join(
    f'["{model}"]\nas_of = 2026-11-01\ninput = 100.0\noutput = 1000.0\n'
    for model in ("openai:gpt-test", "anthropic:claude-test")
)
BAD = {
    "prose": "It fires on dogs.",
    "prose before": f"Sure! {GOOD}",
    "prose behind a fence": f"```json\n{GOOD}\n```\nI hope that helps.",
    "two objects": GOOD + GOOD,
    "empty": "",
    "half": GOOD[:30],
    "a key twice": GOOD.replace('"label"', '"label": "cats", "label"'),
    "NaN": GOOD.replace("4", "NaN"),
    "a control character": GOOD.replace("dogs", "do\x00gs"),
    "deep": "[" * 100_000 + "]" * 100_000,
    "deeper, and open": '{"a":' * 100_000,
    "too high": GOOD.replace("4", "6"),
    "too low": GOOD.replace("4", "0"),
    "nearly whole": GOOD.replace("4", "4.0"),
    "a number in quotes": GOOD.replace("4", '"4"'),
    "too long a label": GOOD.replace("dogs", "d" * 41),
    "no label": GOOD.replace("dogs", ""),
    "another word": GOOD.replace("MONO", "mono"),
    "evidence in words": GOOD.replace("[1, 2]", '["one"]'),
    "one field more": GOOD[:-1] + ', "note": 1}',
    "a lone surrogate": GOOD.replace("dogs", "\\ud800"),
}


def history(asker: Asker, number: int) -> tuple[Attempt, ...]:
    with Journal(asker.journal) as book:
        return book.history(request_key(question(number), asker.spec)).attempts


def number_of(call: Call) -> int:
    return int(call.text.split("question ")[1].split('"')[0])


def test_what_does_not_fit_is_invalid_with_a_reason_after_one_more_try(
    asker: Asker, server: ScriptedServer, waits: list[float]
) -> None:
    texts = [GOOD, *BAD.values()]
    server.otherwise = lambda call: Answer(text=texts[number_of(call)])
    questions = [question(number) for number in range(len(texts))]
    first, *others = asker(*questions)
    assert first.outcome is Outcome.ok
    for name, reply in zip(BAD, others, strict=True):
        assert (reply.outcome, reply.value) == (Outcome.invalid, None), name
        assert reply.reason, name
        assert reply.reason.isascii(), name
        assert len(reply.reason) < 240, name
        assert reply.usage.tokens_in == 200, name
    assert (len(server.calls), waits) == (1 + 2 * len(BAD), [])
    assert asker.notes[-1].endswith(f"{2 * len(BAD)} of {1 + 2 * len(BAD)} replies did not fit the schema")
    assert all(reply.from_journal for reply in asker(*questions))
    assert len(server.calls) == 1 + 2 * len(BAD)


@pytest.mark.parametrize("text", [f"```json\n{GOOD}\n```", f" \n{GOOD}\t"])
def test_a_fence_and_blanks_are_no_fault(asker: Asker, server: ScriptedServer, text: str) -> None:
    server.script = [Answer(text=text)]
    (reply,) = asker(question(1))
    assert (reply.outcome, len(server.calls)) == (Outcome.ok, 1)


def message(**changes: object) -> Answer:
    """Anthropic's, with some fields changed."""
    usage = {"input_tokens": 80, "output_tokens": 10}
    body = {"type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn", "usage": usage}
    return Answer(body=json.dumps(body | changes).encode())


def completion(finish: str, **fields: object) -> Answer:
    """OpenAI's, with some fields of its message."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": None, **fields}}
    return Answer(body=json.dumps({"choices": [choice], "usage": {"prompt_tokens": 80}}).encode())


ENDS = [
    ("openai", completion("stop", refusal="I can't."), Outcome.refused, "the model declined"),
    ("openai", completion("content_filter", refusal="I can't."), Outcome.filtered, "content_filter"),
    ("openai", completion("content_filter", content=GOOD), Outcome.filtered, "content_filter"),
    ("openai", completion("stop", content=""), Outcome.invalid, "empty"),
    ("openai", completion("stop"), Outcome.invalid, "empty"),
    ("openai", completion("length", content=GOOD), Outcome.truncated, "cut"),
    ("anthropic", message(stop_reason="refusal"), Outcome.refused, "the model declined"),
    ("anthropic", message(stop_reason="refusal", stop_details={}), Outcome.refused, "the model declined"),
    ("anthropic", message(stop_reason="refusal", stop_details="cyber"), Outcome.refused, "the model declined"),
    ("anthropic", message(stop_reason="refusal", stop_details={"category": "bio"}), Outcome.refused, "category bio"),
    (
        "anthropic",
        message(stop_reason="refusal", stop_details={"category": "\x1b[31m" + "x" * 999}),
        Outcome.refused,
        "category \\u001b[31mxxx",
    ),
    ("anthropic", message(), Outcome.invalid, "empty"),
    ("anthropic", message(stop_reason="max_tokens"), Outcome.truncated, "max_tokens"),
    ("anthropic", message(stop_reason="model_context_window_exceeded"), Outcome.truncated, "context_window"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "answer", "outcome", "words"), ENDS)
def test_every_way_to_end_without_an_answer_is_kept_with_its_cost(
    asker: Asker, server: ScriptedServer, answer: Answer, outcome: Outcome, words: str
) -> None:
    server.otherwise = lambda _: answer
    (reply,) = asker(question(1))
    assert (reply.outcome, reply.value) == (outcome, None)
    assert words in reply.reason
    assert len(reply.reason) < 100
    rows = history(asker, 1)
    n_asked = 1 if outcome in (Outcome.refused, Outcome.filtered) else 2
    assert [(row.outcome, row.ask) for row in rows] == [(outcome, ask) for ask in range(1, n_asked + 1)]
    assert all(row.usage is not None and row.usage.tokens_in == 80 for row in rows)
    assert asker(question(1))[0].from_journal
    assert len(server.calls) == n_asked


@pytest.mark.parametrize(
    "usage",
    [None, {}, [], {"prompt_tokens": 0, "input_tokens": 0}, {"prompt_tokens": -5, "input_tokens": -5},
     {"prompt_tokens": 10**15, "input_tokens": 10**15}, {"prompt_tokens": 1.5, "input_tokens": 1.5},
     {"prompt_tokens": True, "input_tokens": True}],
)  # fmt: skip
def test_a_count_that_cant_be_costs_what_was_set_aside(
    asker: Asker, server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usage: object
) -> None:
    (tmp_path / "prices.toml").write_text(PRICES)
    monkeypatch.setenv("AUTOINTERP_PRICES", str(tmp_path / "prices.toml"))
    worst = estimate([question(0)], asker.spec).cost_usd_high
    assert worst is not None
    server.otherwise = lambda _: Answer(usage=usage)
    replies = asker(*map(question, range(5)), max_cost_usd=3.5 * worst)
    assert [str(reply.outcome) for reply in replies] == ["ok"] * 3 + ["skipped_budget"] * 2
    assert [reply.cost_usd for reply in replies[:3]] == [None] * 3
    assert len(server.calls) == 3


@pytest.mark.parametrize("text", ["x" * 20_000_000, GOOD + " " * 20_000_000], ids=["words", "blanks"])
def test_a_reply_of_20_megabytes_is_invalid_and_asked_for_again(
    asker: Asker, server: ScriptedServer, text: str
) -> None:
    server.script = [Answer(text=text)]
    first, second = asker(question(1), question(2))
    assert (first.outcome, second.outcome, len(server.calls)) == (Outcome.ok, Outcome.ok, 3)
    assert isinstance(first.value, Verdict)
    reason = history(asker, 1)[0].reason
    assert reason.startswith("the reply has 200")
    assert reason.endswith("characters, more than 1000000")
