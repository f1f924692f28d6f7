from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.run import INVISIBLE
from autointerp.view import to_json

TEXT = st.text(st.characters(codec=None))


@given(TEXT)
def test_no_text_hides_or_leaves_its_place(text: str) -> None:
    packed = to_json({"text": [text], text: 1})
    assert not re.search("[<>&\u2028\u2029\ud800-\udfff]", packed)
    back = json.loads(packed)
    shown = back["text"][0]
    assert not INVISIBLE.search(shown.replace("\n", "").replace("\t", ""))
    assert shown in back
    packed.encode("utf-8")


@given(TEXT)
def test_visible_text_comes_back_as_it_is(text: str) -> None:
    visible = INVISIBLE.sub("", text) + "\n\t"
    assert json.loads(to_json(visible)) == visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("</script><!--<script>", "</script><!--<script>"),
        ("a\x00b", "a\\u0000b"),
        ("\u202eexe", "\\u202eexe"),
        ("\ud800", "\\ud800"),
        ("\u2028", "\\u2028"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\r\n", "\\u000d\n"),
        ("naïve 日本 👍", "naïve 日本 👍"),
    ],
)
def test_what_readers_see(text: str, shown: str) -> None:
    assert json.loads(to_json(text)) == shown


def test_numbers_have_four_digits_and_are_finite() -> None:
    values = [1.0, 0.123456, 123456.7, math.nan, math.inf, 3, True, None, np.float32(0.1), np.int64(7), np.bool_(True)]
    assert to_json(values) == "[1,0.1235,123500.0,null,null,3,true,null,0.1,7,true]"
    assert to_json(np.array([0.5, np.nan])) == "[0.5,null]"


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(TypeError, match="a page can't hold a set"):
        to_json({"a": {1, 2}})
