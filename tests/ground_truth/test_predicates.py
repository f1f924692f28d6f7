"""Predicates hold where their names say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.ground_truth._layout import layout
from benchmarks.ground_truth._predicates import predicates
from benchmarks.ground_truth._text import Text

KNOWN = {one.name: one for one in predicates()}
CODE = [
    " if",
    " x",
    ":",
    "\n   ",
    " return",
    " f",
    "(",
    "(",
    "1",
    ")",
    ",",
    " '",
    "it",
    "'",
    ")",
    " #",
    " 2",
    "\n",
    "end",
]


def where(name: str, text: Text) -> list[str]:
    """Tokens of the first window at which a predicate holds."""
    fires = KNOWN[name].fires(text)
    assert fires.shape == text.shape
    assert not (fires & ~text.real).any()
    return [CODE[i - 1] for i in fires[0].nonzero()[0]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a word that opens a block", [" if"]),
        ("an opening bracket", ["(", "("]),
        ("a number", ["1", " 2"]),
        ("the token after '('", ["(", "1"]),
        ("the token before '('", [" f", "("]),
        ("two tokens after '('", ["1", ")"]),
        ("two tokens before a comma", ["1"]),
        ("the token after a number", [")", "\n"]),
        ("inside brackets", ["(", "1", ")", ",", " '", "it", "'", ")"]),
        ("inside two pairs of brackets", ["1", ")"]),
        ("a comma inside brackets", [","]),
        ("inside quotation marks", ["it", "'"]),
        ("in a comment", [" 2", "\n"]),
        ("first of its line", [" return", "end"]),
        ("second of its line", [" f"]),
        ("last of its line", [":", " 2"]),
        ("on a line that begins with return", CODE[4:17]),
        ("a token that stood within the last four", ["("]),
        ("among the first 4 of the window", [" if", " x", ":"]),
        ("among the last four of the window", [" #", " 2", "\n", "end"]),
    ],
)
def test_a_predicate_holds_where_its_name_says(name: str, expected: list[str], a_text: Callable[..., Text]) -> None:
    assert where(name, a_text(CODE)) == expected


def test_a_window_knows_nothing_of_another(a_text: Callable[..., Text]) -> None:
    text = a_text(["(", " x"], [" x", " y"])
    assert KNOWN["inside brackets"].fires(text).tolist() == [[False, False, True], [False, False, False]]
    assert KNOWN["the token after '('"].fires(text).tolist() == [[False, False, True], [False, False, False]]


def test_an_apostrophe_is_no_quotation_mark() -> None:
    assert not layout([["don't", " go"]]).quoted.any()
    assert layout([["'", "go"]]).quoted.tolist() == [[False, True]]


def test_quotes_end_with_their_line_and_brackets_do_not() -> None:
    found = layout([["(", '"', "\n", " x"]])
    assert found.quoted[0].tolist() == [False, False, True, False]
    assert found.depth[0].tolist() == [0, 1, 1, 1]


def test_there_are_as_many_kinds_as_promised() -> None:
    assert len({one.name for one in predicates()}) == len(predicates()) >= 40
    assert len({one.kind for one in predicates()}) >= 8
    assert sum(one.rule is None for one in predicates()) >= 10
