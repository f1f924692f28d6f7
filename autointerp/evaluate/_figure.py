"""The look of every figure: colour-blind-safe, for light and dark pages, the same bytes for the same data."""

from __future__ import annotations

import io
import itertools
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from autointerp.run import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
"""Okabe and Ito's palette, without the yellow and the black that vanish on one of the two pages."""
MARKERS = "osD^vPX"
"""One beside each colour: nothing is told by colour alone."""
_THIN_SPACE = "\u2009"
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
    import matplotlib as mpl  # late: every verb imports this module, few draw
    from matplotlib.figure import Figure

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


def from_zero(axes: Any) -> None:
    """Let the vertical axis start at zero, or below where the data does, with room above."""
    axes.margins(y=0.12)
    axes.autoscale_view()
    low, high = axes.get_ylim()
    axes.set_ylim(low if axes.dataLim.y0 < 0 else 0.0, high)


def plain(text: str) -> str:
    """Someone else's text, such as a token, fit for a figure: nothing invisible, and no mathematics in it.

    Args:
        text: Whatever it is. A space at its start or end, or only spaces, become open boxes.
    """
    shown = legible(text)
    bare = shown.strip(" ")
    before = len(shown) - len(shown.lstrip(" "))
    after = len(shown) - len(bare) - before
    marked = ("\u2423" * before + bare + "\u2423" * after).replace("$", r"\$")
    return f"{_THIN_SPACE}{marked}" if marked.startswith("_") else marked  # legends leave out what starts with _


def legible(text: str) -> str:
    r"""A token for a table: line ends and tabs as ``\n`` and ``\t``, nothing invisible but spaces."""
    return visible(text.replace("\n", "\\n").replace("\t", "\\t"))


def as_svg(figure: Figure) -> str:
    """Draw as SVG whose text and axes take the page's text colour and whose background is the page's.

    Returns:
        An ``<svg>`` element, to stand in a page or a file.
    """
    svg = _save(figure, format="svg", transparent=True, metadata={"Date": None, "Creator": None}).decode()
    return re.sub(_INK, "currentColor", svg[svg.index("<svg") :], flags=re.IGNORECASE)


def as_png(figure: Figure) -> bytes:
    """Draw as PNG on white, at 150 dots an inch."""
    return _save(figure, format="png", dpi=150, facecolor="white", metadata={"Software": None})


def _save(figure: Figure, **options: Any) -> bytes:
    import matplotlib as mpl

    out = io.BytesIO()
    _dress(figure)
    with mpl.rc_context(_style()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # tokens come in any script
        figure.savefig(out, **options)
    return out.getvalue()


def _dress(figure: Figure) -> None:
    """Give legends and texts that were added after ``new_figure`` its look; text in another colour than black stays."""
    from matplotlib.colors import to_hex
    from matplotlib.legend import Legend
    from matplotlib.text import Text

    for legend in figure.findobj(Legend):
        legend.set_frame_on(False)
    for text in figure.findobj(Text):
        if to_hex(text.get_color()) == "#000000":
            text.set_color(_INK)


def _style() -> Any:
    named = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "axes.titlecolor")
    return {**_STYLE, **dict.fromkeys(named, _INK), "grid.color": _INK}
