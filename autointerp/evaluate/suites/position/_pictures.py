"""Pictures of features by position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from autointerp.evaluate._figure import COLOURS, new_figure
from autointerp.evaluate._findings import Picture
from autointerp.evaluate.suites.position._curves import Curves


def curves_picture(curves: Curves, features: Sequence[int], table: pd.DataFrame) -> Picture:
    """P(active) and mean activation by position, of a few features side by side.

    Args:
        curves: Of all features.
        features: Which.
        table: As ``position_table`` gives it.
    """
    figure, axes = new_figure(2, len(features), width=1.0 + 1.9 * len(features), height=3.6)
    r2 = table.set_index("feature")["r2"]
    for column, feature in enumerate(features):
        rows = curves.rows(feature)
        above, below = axes[0, column], axes[1, column]
        low, high = rows["p_active"] - 2 * rows["standard_error"], rows["p_active"] + 2 * rows["standard_error"]
        above.fill_between(rows["position"], low.clip(lower=0), high.clip(upper=1), color=COLOURS[0], alpha=0.25)
        above.plot(rows["position"], rows["p_active"], color=COLOURS[0])
        below.plot(rows["position"], rows["mean_activation"], color=COLOURS[1], marker=".", markersize=3, linestyle="")
        above.set_title(f"feature {feature}, R2 {r2[feature]:.2f}", fontsize=9)
        above.set_ylim(bottom=0)
        below.set_ylim(bottom=0)
        below.set_xlabel("position in the window")
    axes[0, 0].set_ylabel("P(active | position)")
    axes[1, 0].set_ylabel("mean activation\nwhere active")
    return Picture(
        figure,
        "The features that follow position most",
        "Above, how often a feature fires at each position (band: two standard errors); below, how strongly where it "
        "does. A flat line is a feature of text; a ramp, a hump or a spike is one of position. The largest share that "
        f"position explains here is {r2.max():.0%}, of feature {r2.idxmax()}.",
    )


def information_picture(table: pd.DataFrame) -> Picture:
    """Information about firing against how often a feature fires, first-token features marked.

    Args:
        table: As ``position_table`` gives it.
    """
    figure, axes = new_figure(width=6.4, height=3.2)
    axis, first = axes[0, 0], table["first_token"].to_numpy(bool)
    bits = (table["information"] + table["null"]).clip(lower=1e-7)
    for flags, colour, marker, label in (
        (~first, COLOURS[0], "o", "features"),
        (first, COLOURS[1], "D", "first-token features"),
    ):
        if flags.any():
            axis.scatter(
                table["n_active"][flags], bits[flags], s=10, color=colour, marker=marker, label=label, alpha=0.7
            )
    null = table.sort_values("n_active")
    axis.plot(null["n_active"], null["null"].clip(lower=1e-7), color=COLOURS[6], linestyle="--", label="chance")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("tokens a feature fires on")
    axis.set_ylabel("information of position\nabout firing, bits")
    axis.legend(loc="lower right")
    above = int((table["z"] > 3).sum())
    return Picture(
        figure,
        "What position tells about firing",
        "Each point is a feature; the dashed line is what as many firings at random places give on average. Points far "
        f"above it depend on position. {above} of {len(table)} lie more than three standard deviations of the null "
        f"above it; {int(np.count_nonzero(first))} are first-token features.",
    )
