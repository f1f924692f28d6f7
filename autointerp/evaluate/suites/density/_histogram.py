"""The histogram of log10 density."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autointerp.evaluate._figure import COLOURS, new_figure
from autointerp.evaluate._findings import Picture

BINS_A_DECADE = 4


def density_histogram(n_active: NDArray[np.int64], n_tokens: int) -> pd.DataFrame:
    """Count features by density.

    Args:
        n_active: Tokens each feature fires on, [F].
        n_tokens: Tokens in all.

    Returns:
        ``low`` and ``high`` (log10 of the share of tokens; a bin holds its low end) and ``n_features``. The first row
        has no bounds: features that never fire. Bins reach from one token to all of them, every feature is in one.
    """
    alive = n_active[n_active > 0]
    lowest = -np.ceil(np.log10(max(n_tokens, 1)) * BINS_A_DECADE) / BINS_A_DECADE
    edges = np.linspace(lowest, 0, round(-lowest * BINS_A_DECADE) + 1) if lowest else np.array([-1.0, 0.0])
    counts, _ = np.histogram(np.log10(alive / n_tokens), edges)
    return pd.DataFrame(
        {
            "low": [np.nan, *edges[:-1]],
            "high": [np.nan, *edges[1:]],
            "n_features": [len(n_active) - len(alive), *counts],
        }
    )


def density_picture(histogram: pd.DataFrame, n_tokens: int) -> Picture:
    """Draw it, with the features that never fire in a bar of their own.

    Args:
        histogram: As ``density_histogram`` gives it.
        n_tokens: Tokens it rests on.
    """
    figure, axes = new_figure(width=6.8, height=3.2)
    axis, bins = axes[0, 0], histogram.iloc[1:]
    width, dead = 1 / BINS_A_DECADE, int(histogram["n_features"].iloc[0])
    at_dead = bins["low"].min() - 2 * width
    axis.bar(bins["low"], bins["n_features"], width=width, align="edge", color=COLOURS[0], edgecolor="white", lw=0.4)
    axis.bar(at_dead, dead, width=width, align="edge", color=COLOURS[6], hatch="///", edgecolor="white", lw=0.4)
    axis.annotate(f"{dead} never", (at_dead + width / 2, dead), (0, 3), textcoords="offset points", ha="center")
    top = axis.get_ylim()[1]
    for bound, text in ((-5, "ultralow <"), (-1, "> dense")):
        if bound >= bins["low"].min():
            axis.axvline(bound, color=COLOURS[1], linestyle="--", linewidth=1)
            side = "right" if bound == -5 else "left"
            axis.annotate(text, (bound, top), (-3 if bound == -5 else 3, 0), textcoords="offset points", ha=side)
    axis.set_xlabel("log10 of the share of tokens a feature fires on")
    axis.set_ylabel("features")
    alive = int(bins["n_features"].sum())
    peak = bins.iloc[int(bins["n_features"].to_numpy().argmax())]
    usual = f", most often on 10^{peak['low']:.2f} to 10^{peak['high']:.2f} of them" if alive else ""
    return Picture(
        figure,
        "How often features fire",
        "A healthy dictionary has one hump between about -4 and -2. A second hump far to the left are ultralow "
        "features, mostly artefacts; what lies beyond -1 fires on over a tenth of the tokens. Here "
        f"{alive} features fire on {n_tokens:,} tokens{usual}, and {dead} never do.",
    )
