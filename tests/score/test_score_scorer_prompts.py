"""What the further scorers send: its length, its marks, and hostile text in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_hostile import HOSTILE, a_full_feature, is_shown, lines_in_block

from autointerp.harvest import Context
from autointerp.llm import Request, wire_schema
from autointerp.score import SCORERS, Question, make_trial
from autointerp.score.scorers import marked_texts, rounds, simulated
from prompts import load_prompt

MOST_CHARACTERS = 6_000
FURTHER = ("fuzzing", "intruder", "simulation")
OPEN, CLOSE = "⟦", "⟧"
WORST = {
    "huge tokens": ["y" * 100_000] * 17,
    "angle brackets": ["<>" * 4] * 17,
    "quotes and backslashes": ['"\\' * 4] * 17,
    "our own brackets": [OPEN * 9, CLOSE * 9] * 8 + [OPEN],
    "controls": ["\x00\x1b"] * 17,
    "lone surrogates": ["\udc80\ud800"] * 17,
    "tag characters, twelve characters each": ["\U000e0041" * 3] * 17,
    "Chinese": ["中文字符"] * 17,
}


def asked(scorer: str, contexts: list[Context], label: str = "a label") -> tuple[Question, list[Request]]:
    explain = tuple(one for one in contexts if one.split == "explain")
    question = Question(make_trial(0, contexts, seed=0), label, scorer=scorer, explain=explain)
    assert SCORERS[scorer].is_testable(question)
    return question, SCORERS[scorer].requests(question)


def n_characters(request: Request) -> int:
    return sum(len(message.content) for message in request.messages)


@pytest.mark.parametrize("scorer", FURTHER)
@pytest.mark.parametrize("name", WORST)
def test_no_text_makes_a_request_longer(scorer: str, name: str) -> None:
    _, requests = asked(scorer, a_full_feature(WORST[name], 8), "<" * 80)
    assert all(n_characters(request) <= MOST_CHARACTERS for request in requests)


@pytest.mark.parametrize("scorer", FURTHER)
@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=()), max_size=40), min_size=8, max_size=17),
    st.text(st.characters(exclude_categories=()), max_size=80),
)
def test_nor_does_any_other(scorer: str, tokens: list[str], label: str) -> None:
    _, requests = asked(scorer, a_full_feature(tokens, len(tokens) // 2), label)
    assert all(n_characters(request) <= MOST_CHARACTERS for request in requests)


@pytest.mark.parametrize("scorer", FURTHER)
def test_ordinary_texts_are_shown_whole_and_short(scorer: str, planted: dict[int, list[Context]]) -> None:
    _, requests = asked(scorer, planted[1])
    assert all(n_characters(request) <= 4_500 for request in requests)
    assert not any("…" in request.messages[1].content for request in requests)


@pytest.mark.parametrize("scorer", FURTHER)
def test_the_fixed_part_comes_first_and_is_the_same(scorer: str, planted: dict[int, list[Context]]) -> None:
    requests = [request for feature in (0, 3) for request in asked(scorer, planted[feature])[1]]
    prompt = load_prompt(SCORERS[scorer].prompt)
    assert {request.messages[0].content for request in requests} == {prompt.system}
    assert all([message.role for message in request.messages] == ["system", "user"] for request in requests)
    assert len({request.messages[1] for request in requests}) == len(requests)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("scorer", FURTHER)
def test_hostile_text_stays_within_its_line(scorer: str, name: str) -> None:
    contexts = a_full_feature([*"abcdefgh", HOSTILE[name], *"ijklmnop"], 8)
    _, requests = asked(scorer, contexts, HOSTILE[name])
    for request in requests:
        user = request.messages[1].content
        if SCORERS[scorer].needs_label:
            label = json.loads(user.partition("\n")[0].removeprefix("Description: "))
            assert is_shown(label, HOSTILE[name])
        for number, line in enumerate(lines_in_block(user), 1):
            shown_number, _, text = line.partition(": ")
            assert shown_number == str(number)
            assert json.loads(text)


def test_only_our_own_brackets_are_bare() -> None:
    """A text can't spell a mark, so the tokens between bare brackets are the marked ones."""
    contexts = a_full_feature([OPEN, "a", CLOSE] * 5 + ["b", "c"], 7)
    question, (request,) = asked("fuzzing", contexts)
    for line, one in zip(lines_in_block(request.messages[1].content), marked_texts(question), strict=True):
        text = line.partition(": ")[2]
        found = [json.loads(f'"{piece}"') for piece in re.findall(f"{OPEN}(.*?){CLOSE}", text)]
        assert found == [one.context.tokens[i] for i in one.marks]
        assert text.count(OPEN) == text.count(CLOSE) == len(one.marks)


def test_a_simulated_text_is_its_tokens_by_number(planted: dict[int, list[Context]]) -> None:
    question, requests = asked("simulation", planted[2])
    lines = [line for request in requests for line in lines_in_block(request.messages[1].content)]
    for line, context in zip(lines, simulated(question), strict=True):
        text = json.loads(line.partition(": ")[2])
        assert list(text) == [str(n) for n in range(1, len(context.tokens) + 1)]
        assert tuple(text.values()) == context.tokens


def test_nothing_tells_what_is_silent(planted: dict[int, list[Context]]) -> None:
    """Where all texts and marks are the same, all lines are, whether the feature fires or not."""
    contexts = a_full_feature([f" {letter}" for letter in "abcdefghijklmnopq"], 10)
    _, (first, *_) = asked("simulation", contexts)
    lines = {line.partition(": ")[2] for line in lines_in_block(first.messages[1].content)}
    assert len(lines) == 1
    _, (first, *_) = asked("intruder", contexts)
    assert len({line.partition(": ")[2] for line in lines_in_block(first.messages[1].content)}) == 1


def test_an_intruder_has_as_many_marks_as_one_of_the_others() -> None:
    contexts = a_full_feature([f" {letter}" for letter in "abcdefghijklmnopq"], 10)
    wide = [
        replace(one, activations=tuple(5.0 if 9 <= i <= 11 else 0.0 for i in range(17))) if one.is_positive else one
        for one in contexts
    ]
    for one in rounds(asked("intruder", wide)[0]):
        assert one.marks == (frozenset({9, 10, 11}),) * 5


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("scorer", FURTHER)
def test_the_replies_can_be_asked_for(scorer: str, kind: str, planted: dict[int, list[Context]]) -> None:
    _, requests = asked(scorer, planted[0])
    assert wire_schema(requests[0].reply_model, kind)["required"]
