"""Text made fit to be shown."""

from __future__ import annotations

import unicodedata

import pytest

from autointerp.run import INVISIBLE, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, é 中文 👩", "plain text, é 中文 👩"),
        ("red heart ❤\ufe0f", "red heart ❤\ufe0f"),
        ("a\nb\x00", "a\\u000ab\\u0000"),
        ("\u202eevil", "\\u202eevil"),
        ("\ud800", "\\ud800"),
        ("\U000e0041\u3164", "\\U000e0041\\u3164"),
    ],
)
def test_only_what_nobody_sees_is_escaped(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_all_of_some_kinds_are_invisible() -> None:
    characters = map(chr, range(0x110000))
    seen = [one for one in characters if unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"}]
    assert len(seen) > 2100
    assert all(INVISIBLE.fullmatch(one) for one in seen)
    assert all(
        INVISIBLE.fullmatch(one) for one in "\u061c\u200b\u200d\u200e\u202a\u202e\u2066\u2069\ufeff\ufff9\U000e0101"
    )


def test_letters_digits_marks_and_spaces_are_not() -> None:
    fillers = {0x115F, 0x1160, 0x3164, 0xFFA0}
    characters = [chr(code) for code in range(0x110000) if code not in fillers]
    letters = "".join(one for one in characters if unicodedata.category(one)[0] in "LNPS")
    assert not INVISIBLE.search(letters + " \u00a0\u3000\u0301")
