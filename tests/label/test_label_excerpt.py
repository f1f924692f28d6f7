"""Contexts cut to fit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_hostile import HOSTILE, is_shown
from label_planted import a_context

from autointerp.label import CUT, MAX_WIDTH, MIN_WIDTH, Excerpt, as_data, excerpt, fit_lines, shorten

TOKENS = st.lists(
    st.text(st.characters(), max_size=40) | st.sampled_from([text[:300] for text in HOSTILE.values()]),
    min_size=1,
    max_size=17,
)


def length(text: str) -> int:
    return len(as_data(text)) - 2


def text_line(_: int, cut: Excerpt) -> str:
    return as_data(cut.text)


@settings(deadline=None)
@given(TOKENS, st.integers(0, 16), st.integers(4, MAX_WIDTH))
def test_an_excerpt_fits_and_keeps_its_peak(tokens: list[str], peak: int, width: int) -> None:
    context = a_context(tokens, min(peak, len(tokens) - 1))
    cut = excerpt(context, width)
    token = tokens[context.peak]
    assert length(cut.text) <= width
    assert cut.token in cut.text
    assert is_shown(cut.token, token)
    assert is_shown(cut.text, context.text)
    if length(token) <= width // 2:
        assert cut.token == token
        if length(context.text) <= width:
            assert cut.text == context.text


@pytest.mark.parametrize(
    ("before", "token", "after", "expected"),
    [
        ("abc", "PEAK", "xyz", "abcPEAKxyz"),
        ("a" * 50, "PEAK", "x" * 50, CUT + "a" * 9 + "PEAK" + "x" * 5 + CUT),
        ("a" * 50, "PEAK", "", CUT + "a" * 15 + "PEAK"),
        ("", "PEAK", "x" * 50, "PEAK" + "x" * 15 + CUT),
        ("a" * 50, "PEAK", "xy", CUT + "a" * 13 + "PEAK" + "xy"),
        ("ab", "0" * 50 + "9" * 50, "x" * 50, "ab" + "0000" + CUT + "99999" + "xxxxxxx" + CUT),
        ("<<<<", "PEAK", "", CUT + "<<" + "PEAK"),
    ],
)
def test_where_the_room_goes(before: str, token: str, after: str, expected: str) -> None:
    assert excerpt(a_context([before, token, after], 1), 20).text == expected


def test_firing_decides_nothing() -> None:
    tokens = ["left " * 30, " peak", " right" * 30]
    assert excerpt(a_context(tokens, 1), 50) == excerpt(a_context(tokens, 1, stratum="negative_hard"), 50)


def test_lines_share_the_room_and_short_ones_stay_whole() -> None:
    contexts = [a_context([" short"]), a_context(["x "] * 90, 50), a_context(["y "] * 100, 50)]
    for room in (380, 300, 200):
        lines = fit_lines(contexts, text_line, room)
        assert room - 4 <= sum(len(line) + 1 for line in lines) <= room
        assert lines[0] == '" short"'
    assert max(map(len, fit_lines(contexts, text_line, 10_000))) == MAX_WIDTH + 2


def test_no_line_is_left_out_however_little_room() -> None:
    lines = fit_lines([a_context([str(i), "x" * 100]) for i in range(300)], text_line, 0)
    assert [line[1 : 1 + len(str(i))] for i, line in enumerate(lines)] == [str(i) for i in range(300)]
    assert {len(line) - 2 for line in lines} == {MIN_WIDTH}


def test_a_cut_end_is_marked() -> None:
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde" + CUT
    assert shorten("<" * 9, 13) == "<<" + CUT
