"""Features that follow the position in the window instead of the text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from autointerp.evaluate._estimates import over_features
from autointerp.evaluate._findings import Findings, Table
from autointerp.evaluate._setting import Setting
from autointerp.evaluate.suites.position._curves import Curves, curves_of
from autointerp.evaluate.suites.position._information import information, null_information
from autointerp.evaluate.suites.position._pictures import curves_picture, information_picture

POSITIONAL = 0.5
"""Share of a feature's variance that position explains, from which on it is positional."""
FIRST = 0.9
"""Share of a first position's tokens that a first-token feature fires on, at least."""
ELSEWHERE = 0.05
"""Share of the later tokens that it fires on, at most."""
N_SHOWN = 12
N_DRAWN = 4


def measure(setting: Setting) -> Findings:
    """Measure: on all real tokens but BOS, first positions included, since these are the subject."""
    found, first = Findings(), int(setting.windows.prepend_bos)
    firings = setting.firings
    text = firings.position >= first
    curves = curves_of(firings.where(text))
    table = position_table(curves, first=first, seed=setting.seed)
    if first:
        at_bos = np.asarray(firings.where(~text).active.sum(axis=0)).ravel() / np.count_nonzero(~text)
        table.insert(len(table.columns) - 1, "p_bos", at_bos[table["feature"]])
    for name, flags, reading in (
        ("share_positional", table["r2"] >= POSITIONAL, f"Share of features whose position explains {POSITIONAL:.0%}."),
        (
            "share_first_token",
            table["first_token"],
            "Share of features that fire on the first token of windows alone.",
        ),
        ("position_information", table["information"], "Mutual information of position and firing, bits, a feature."),
    ):
        estimate = over_features(flags.astype(float), n_tokens=curves.n_tokens, seed=setting.seed)
        found.number(name, estimate, f"{reading} Of the features that fire here.")
    found.tables["features"] = Table(
        table,
        "Every feature that fires here. r2 and r2_active: share of the variance of its activation, and of whether it "
        "fires, that position explains (adjusted: 0 on average for none). information: bits that position tells about "
        "firing, less null, the mean over random placements of as many firings; z counts the null's standard "
        "deviations, and is too large where firings come in bursts. first_token: fires on at least "
        f"{FIRST:.0%} of the first tokens (p_first) and at most {ELSEWHERE:.0%} of the later ones (p_later). BOS is in "
        "none of this; p_bos says how often a feature fires there.",
    )
    if table.empty:
        found.notes.append("No feature fires on the text, so there is nothing to draw.")
        return found
    ranked = table.sort_values("r2", ascending=False, kind="stable", na_position="last")["feature"].tolist()
    flagged = table.loc[table["first_token"], "feature"].tolist()
    shown = list(dict.fromkeys([*ranked[:N_SHOWN], *flagged[:N_SHOWN]]))
    found.tables["by_position"] = Table(
        pd.concat([curves.rows(feature) for feature in shown], ignore_index=True),
        f"P(active) and mean activation by position, of the {N_SHOWN} features with the largest r2 and of up to "
        f"{N_SHOWN} first-token features. The standard error is the binomial one.",
    )
    found.pictures["by_position"] = curves_picture(curves, ranked[:N_DRAWN], table)
    found.pictures["information"] = information_picture(table)
    return found


def position_table(curves: Curves, *, first: int, seed: int) -> pd.DataFrame:
    """What position says about each feature that fires.

    Args:
        curves: Firings by position.
        first: Position of the first token that is text.
        seed: Of the null.

    Returns:
        ``feature``, ``n_active``, ``r2``, ``r2_active``, ``information``, ``null``, ``z``, ``p_first``, ``p_later``,
        ``first_token``.
    """
    alive = np.flatnonzero(curves.n_active > 0)
    bits = information(curves.n_active_at[:, alive].T, curves.n_tokens_at)
    null, deviation = null_information(curves.n_active[alive], curves.n_tokens_at, seed=seed)
    later = slice(first + 1, None)
    p_first = curves.n_active_at[first, alive] / max(int(curves.n_tokens_at[first]), 1)
    p_later = curves.n_active_at[later, alive].sum(axis=0) / max(int(curves.n_tokens_at[later].sum()), 1)
    return pd.DataFrame(
        {
            "feature": alive,
            "n_active": curves.n_active[alive],
            "r2": curves.r2[alive],
            "r2_active": curves.r2_active[alive],
            "information": bits - null,
            "null": null,
            "z": np.divide(bits - null, deviation, out=np.full(len(alive), np.nan), where=deviation > 0),
            "p_first": p_first,
            "p_later": p_later,
            "first_token": (p_first >= FIRST) & (p_later <= ELSEWHERE),
        }
    )
