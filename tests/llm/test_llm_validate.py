"""Replies that are not what they should be end as a reason, never as a value or a crash."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_scripted_server import GOOD, Verdict

from autointerp.llm import validate_reply


@pytest.mark.parametrize("text", [GOOD, f"```json\n{GOOD}\n```", f"  ```\n{GOOD}\n```\n", f"\n{GOOD} "])
def test_good_replies(text: str) -> None:
    value = validate_reply(text, Verdict)
    assert isinstance(value, Verdict)
    assert (value.label, value.kind, value.confidence, value.evidence) == ("dogs", "MONO", 4, [1, 2])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("```json\n```", "not JSON"),
        ("Sure! " + GOOD, "not JSON"),
        (GOOD + GOOD, "Extra data"),
        (GOOD.replace('"label"', '"kind": "POLY", "label"'), "twice"),
        (GOOD.replace("4", "NaN"), "NaN"),
        (GOOD.replace("4", "-Infinity"), "Infinity"),
        (GOOD.replace("4", "1e400"), "confidence"),
        (GOOD.replace("4", "9" * 5000), "too long"),
        (GOOD.replace("4", "6"), "confidence: Input should be less than or equal to 5"),
        (GOOD.replace("4", '"4"'), "confidence: Input should be a valid integer"),
        (GOOD.replace("4", "4.0"), "confidence"),
        (GOOD.replace("4", "true"), "confidence"),
        (GOOD.replace("MONO", "mono"), "kind"),
        (GOOD.replace('"dogs"', '""'), "label"),
        (GOOD.replace("dogs", "do\ngs"), "control character"),
        (GOOD.replace("dogs", "\\ud800"), "label"),
        (GOOD[:-1] + ', "extra": 1}', "extra"),
        ("[" * 100_000 + "]" * 100_000, "nested"),
        ('{"a":' * 100_000, "nested"),
        (json.dumps("[" * 50), "valid dictionary"),
        ("null", "valid dictionary"),
        ('"' + "a" * 1_000_001, "characters"),
    ],
)
def test_bad_replies(text: str, reason: str) -> None:
    found = validate_reply(text, Verdict)
    assert isinstance(found, str)
    assert reason in found
    assert len(found) < 240
    assert found.isascii()
    assert found.isprintable()


def test_brackets_inside_strings_are_not_nesting() -> None:
    assert isinstance(validate_reply(GOOD.replace("dogs", '[[[[[[[[[[[[[[[{{{{{{{{{{{{{{\\"'), Verdict), Verdict)


def test_a_reason_does_not_carry_the_reply() -> None:
    found = validate_reply(GOOD.replace("MONO", "secret\\u0007words"), Verdict)
    assert isinstance(found, str)
    assert "secret" not in found


@given(st.text())
def test_any_text_gives_a_reason(text: str) -> None:
    assert isinstance(validate_reply(text, Verdict), str)


@given(st.text(min_size=1, max_size=40), st.integers(1, 5), st.lists(st.integers()))
def test_what_fits_comes_through_unchanged(label: str, confidence: int, evidence: list[int]) -> None:
    sent = {"label": label, "kind": "POLY", "confidence": confidence, "evidence": evidence}
    value = validate_reply(json.dumps(sent), Verdict)
    assert isinstance(value, Verdict)
    assert value.model_dump() == sent
