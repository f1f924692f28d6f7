"""Krippendorff's alpha against his own worked examples, and what it must do whatever the data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.stats import nominal_alpha


def units(*coders: str) -> list[list[str | None]]:
    """From one string a coder, with a character a unit, ``.`` for a missing answer."""
    return [[None if answer == "." else answer for answer in answers] for answers in zip(*coders, strict=True)]


def test_two_coders_and_two_categories() -> None:
    """Example A of the 2011 paper: alpha = 0.095."""
    assert nominal_alpha(units("0100000010", "1110010000")) == pytest.approx(0.095, abs=5e-4)


def test_two_coders_and_many_categories() -> None:
    """Example B: alpha = 0.692."""
    assert nominal_alpha(units("aabbdcccedda", "babbbccceddd")) == pytest.approx(0.692, abs=5e-4)


def test_four_coders_and_missing_answers() -> None:
    """Example C: alpha = 0.743 (nominal)."""
    coders = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
    assert nominal_alpha(units(*coders)) == pytest.approx(0.743, abs=5e-4)


def test_where_nothing_can_disagree() -> None:
    assert nominal_alpha([]) is None
    assert nominal_alpha([["a"], ["b", None]]) is None
    assert nominal_alpha([["a", "a"], ["a", "a", None]]) is None


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=5), max_size=8))
def test_order_and_missing_answers_say_nothing(data: list[list[str | None]]) -> None:
    alpha = nominal_alpha(data)
    assert nominal_alpha([[None, *answers[::-1]] for answers in data[::-1]]) == (
        None if alpha is None else pytest.approx(alpha)
    )
    assert alpha is None or alpha <= 1


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=8), st.integers(2, 4))
def test_full_agreement_is_one(answers: list[str], n: int) -> None:
    alpha = nominal_alpha([[answer] * n for answer in answers])
    assert alpha == (1 if len(set(answers)) > 1 else None)
