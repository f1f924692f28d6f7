"""The figure: one row of panels a labeler, one panel a rate, one line a kind of features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autointerp.evaluate import series
from autointerp.score.nulls import CONTROL
from benchmarks.label_rate_vs_truth._findings import KINDS, rate_of, share
from benchmarks.label_rate_vs_truth._labelers import LABELERS
from benchmarks.label_rate_vs_truth._make import TRAINED
from benchmarks.label_rate_vs_truth._points import RANDOM, RATES
from benchmarks.label_rate_vs_truth._tables import NAMES, SAID_BY

_INK, _PALE = "#1f2328", "#d0d7de"


class Mark(NamedTuple):
    """How a model is drawn: never by colour alone."""

    marker: str
    colour: str
    offset: float
    """Above or below the middle of its line, in lines."""


MARKS = tuple(Mark(one["marker"], one["color"], offset) for one, offset in zip(series(), (-0.17, 0.17), strict=False))
"""One a model, of the colours and markers of the project's figures."""


def draw(points: pd.DataFrame) -> Figure:
    """Draw the random groups of all runs.

    Small marks are single SAEs; a large one is the rate over all their features, with its Wilson interval. Drawn on
    white, so that it reads the same on light and dark pages.

    Args:
        points: As ``collect`` gives them.
    """
    random = points[points["group"] == RANDOM]
    models = list(random["model"].unique())
    figure = Figure(figsize=(10.5, 9.0), facecolor="white", layout="constrained")
    panels = figure.subplots(len(LABELERS), len(RATES), sharex=True, sharey=True, squeeze=False)
    for row, labeler in zip(panels, LABELERS, strict=True):
        for panel, rate in zip(row, RATES, strict=True):
            of_labeler = random[random["labeler"] == labeler]
            for model, mark in zip(models, MARKS, strict=False):
                _draw_model(panel, of_labeler[of_labeler["model"] == model], rate, mark)
            _frame(panel)
        row[0].set_ylabel(f"labels: {SAID_BY[labeler]}", color=_INK)
    for panel, rate in zip(panels[0], RATES, strict=True):
        panel.set_title(f"{rate} rate", color=_INK, fontsize=11)
    _name_models(panels[0][0], random[random["labeler"] == LABELERS[0]], models)
    return figure


def save(figure: Figure, folder: Path) -> None:
    """Write ``figure.svg`` and ``figure.png``; the same figure gives the same bytes."""
    with mpl.rc_context({"svg.hashsalt": "label_rate_vs_truth", "svg.fonttype": "none"}):
        figure.savefig(folder / "figure.svg", metadata={"Date": None, "Creator": None})
    figure.savefig(folder / "figure.png", dpi=160, metadata={"Software": None})


def _draw_model(panel: Axes, points: pd.DataFrame, rate: str, mark: Mark) -> None:
    for line, kind in enumerate(KINDS):
        rows = points[points["kind"] == kind]
        found, y = rate_of(rows, rate), line + mark.offset
        if not found["n"]:
            continue
        singles = [100 * value for value in share(rows, rate)]
        panel.scatter(singles, [y] * len(singles), s=12, marker=mark.marker, facecolors="none",
                      edgecolors=mark.colour, linewidths=0.7, alpha=0.7)  # fmt: skip
        panel.plot([100 * found["low"], 100 * found["high"]], [y, y], color=mark.colour, linewidth=2.2,
                   solid_capstyle="butt")  # fmt: skip
        panel.scatter([100 * found["rate"]], [y], s=42, marker=mark.marker, color=mark.colour, zorder=3)


def _frame(panel: Axes) -> None:
    panel.set_facecolor("white")
    panel.set_xlim(-4, 104)
    panel.set_ylim(len(KINDS) - 0.45, -0.55)
    panel.set_yticks(range(len(KINDS)), [NAMES[kind] for kind in KINDS])
    panel.set_xticks(range(0, 101, 25), [f"{x}%" for x in range(0, 101, 25)])
    panel.tick_params(colors=_INK, length=0, labelsize=9)
    panel.grid(axis="x", color=_PALE, linewidth=0.7)
    panel.set_axisbelow(True)
    panel.axhline([TRAINED, CONTROL].index(CONTROL) + 0.5, color=_INK, linewidth=0.8, linestyle=(0, (4, 3)))
    for side in panel.spines.values():
        side.set_visible(False)


def _name_models(panel: Axes, points: pd.DataFrame, models: Sequence[str]) -> None:
    """Write each model's name beside its marks in the first line, on the side where there is room."""
    for model, mark in zip(models, MARKS, strict=False):
        rows = points[(points["model"] == model) & (points["kind"] == TRAINED)]
        found = rate_of(rows, "label")
        taken = [100 * value for value in (found["low"], found["high"], *share(rows, "label"))]
        is_right = max(taken) < 70
        panel.annotate(
            model,
            (max(taken) if is_right else min(taken), mark.offset),
            xytext=(6 if is_right else -6, 0),
            textcoords="offset points",
            ha="left" if is_right else "right",
            va="center",
            fontsize=9,
            color=mark.colour,
        )
