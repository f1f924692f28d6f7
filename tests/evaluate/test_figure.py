"""The look of figures: the same bytes for the same data, and no text that others wrote can spoil one."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import islice

import pytest

from autointerp.evaluate import as_png, as_svg, new_figure, plain, series

HOSTILE = [
    "$",
    "$x^{$",
    "_hidden",
    "<b>&",
    "\u202eabc",
    "\n",
    "\t",
    "  ",
    " a ",
    "\U0001f600漢",
    "\\frac",
    "%",
    "\ud800",
]


def drawn(label: str = "a line"):
    figure, axes = new_figure()
    axes[0, 0].plot([1, 2], [3, 4], label=plain(label), **next(series()))
    axes[0, 0].annotate(plain(label), (1, 3))
    axes[0, 0].legend()
    return figure


def test_the_same_data_give_the_same_bytes() -> None:
    assert as_svg(drawn()) == as_svg(drawn())
    assert as_png(drawn()) == as_png(drawn())
    assert as_svg(drawn()) != as_svg(drawn("another line"))


def test_svg_takes_the_pages_colours() -> None:
    figure = drawn()
    svg = as_svg(figure)
    assert "currentColor" in svg
    assert "#123456" not in svg
    assert not re.search(r"<text[^>]*fill: #000000", svg)
    assert ET.fromstring(svg).tag.endswith("svg")
    assert as_svg(figure) == svg  # drawing it once more changes nothing


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_any_token_can_stand_in_a_figure(text: str) -> None:
    svg = as_svg(drawn(text))
    shown = "".join(ET.fromstring(svg).itertext())
    assert as_png(drawn(text))
    assert shown.count(plain(text).replace(r"\$", "$")) == 2  # at the point and in the legend


@pytest.mark.parametrize(
    ("text", "shown"),
    [(" a", "\u2423a"), ("a  ", "a\u2423\u2423"), ("  ", "\u2423\u2423"), ("a b", "a b"), ("\n", "\\n"), ("$", r"\$")],
)
def test_spaces_at_the_ends_are_seen(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_series_differ_in_more_than_colour() -> None:
    first = list(islice(series(), 7))
    assert len({keywords["color"] for keywords in first}) == 7
    assert len({keywords["marker"] for keywords in first}) == 7


def test_verbs_that_draw_nothing_import_no_drawing_library() -> None:
    script = "import sys, autointerp.verbs; print(sorted({'matplotlib', 'umap', 'starlette'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
