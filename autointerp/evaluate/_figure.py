"""The look of every figure: colour-blind-safe, for light and dark pages, the same bytes for the same data."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
"""Okabe and Ito's palette, without the yellow and the black that vanish on one of the two pages."""
MARKERS = "osD^vPX"
"""One beside each colour: nothing is told by colour alone."""
LINES = ("-", "--", "-.", ":")
_INK = "#123456"
"""Text and axes in PNG; in SVG it stands for the page's text colour."""
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "autointerp",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
}


def new_figure(n_rows: int = 1, n_columns: int = 1, *, width: float = 6.4, height: float = 3.6) -> tuple[Figure, Any]:
    """Make a figure in the report's look.

    Args:
        n_rows: Of axes.
        n_columns: Of axes.
        width: Inches.
        height: Inches.

    Returns:
        The figure, and its axes as an array [n_rows, n_columns].
    """
    with mpl.rc_context(_style()):
        figure = Figure(figsize=(width, height))
        return figure, figure.subplots(n_rows, n_columns, squeeze=False)


def series() -> Iterator[dict[str, Any]]:
    """Keywords for one curve after the other: colour, marker and line all differ."""
    for number in itertools.count():
        yield {
            "color": COLOURS[number % len(COLOURS)],
            "marker": MARKERS[number % len(MARKERS)],
            "linestyle": LINES[number % len(LINES)],
        }


def as_svg(figure: Figure) -> str:
    """Draw as SVG whose text and axes take the page's text colour and whose background is the page's.

    Returns:
        An ``<svg>`` element, to stand in a page or a file.
    """
    out = io.StringIO()
    with mpl.rc_context(_style()):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    return re.sub(_INK, "currentColor", svg[svg.index("<svg") :], flags=re.IGNORECASE)


def as_png(figure: Figure) -> bytes:
    """Draw as PNG on white, at 150 dots an inch."""
    out = io.BytesIO()
    with mpl.rc_context(_style()):
        figure.savefig(out, format="png", dpi=150, facecolor="white", metadata={"Software": None})
    return out.getvalue()


def _style() -> Any:
    named = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "axes.titlecolor")
    return {**_STYLE, **dict.fromkeys(named, _INK), "grid.color": _INK}
