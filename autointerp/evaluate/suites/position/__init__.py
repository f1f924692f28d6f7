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
    """Measure: on all real tokens of the windows, BOS and first positions included, since these are the subject."""
    found, n_first = Findings(), 1 + int(setting.windows.prepend_bos)
    curves = curves_of(setting.firings)
    table = position_table(curves, n_first=n_first, seed=setting.seed)
    for name, flags, reading in (
        ("share_positional", table["r2"] >= POSITIONAL, f"Share of features whose position explains {POSITIONAL:.0%}."),
        (
            "share_first_token",
            table["first_token"],
            "Share of features that fire on the first tokens of windows alone.",
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
        f"{FIRST:.0%} of the tokens at first_position and at most {ELSEWHERE:.0%} of the later ones.",
    )
    if table.empty:
        found.notes.append("No feature fires on the text, so there is nothing to draw.")
        return found
    ranked = table.sort_values("r2", ascending=False, kind="stable", na_position="last")["feature"].tolist()
    first = table.loc[table["first_token"], "feature"].tolist()
    shown = list(dict.fromkeys([*ranked[:N_SHOWN], *first[:N_SHOWN]]))
    found.tables["by_position"] = Table(
        pd.concat([curves.rows(feature) for feature in shown], ignore_index=True),
        f"P(active) and mean activation by position, of the {N_SHOWN} features with the largest r2 and of up to "
        f"{N_SHOWN} first-token features. The standard error is the binomial one.",
    )
    found.pictures["by_position"] = curves_picture(curves, ranked[:N_DRAWN], table)
    found.pictures["information"] = information_picture(table)
    return found


def position_table(curves: Curves, *, n_first: int, seed: int) -> pd.DataFrame:
    """What position says about each feature that fires.

    Args:
        curves: Firings by position.
        n_first: Positions that can be a first token's: BOS and the one after it, or the first alone.
        seed: Of the null.

    Returns:
        ``feature``, ``n_active``, ``r2``, ``r2_active``, ``information``, ``null``, ``z``, ``first_position`` (of the
        first ones, where it fires most), ``p_first``, ``p_later``, ``first_token``.
    """
    alive = np.flatnonzero(curves.n_active > 0)
    bits = information(curves.n_active_at[:, alive].T, curves.n_tokens_at)
    null, deviation = null_information(curves.n_active[alive], curves.n_tokens_at, seed=seed)
    p_at = curves.n_active_at[:n_first, alive] / np.maximum(curves.n_tokens_at[:n_first, None], 1)  # [n_first, m]
    n_later = max(int(curves.n_tokens_at[n_first:].sum()), 1)
    p_first, p_later = p_at.max(axis=0), curves.n_active_at[n_first:, alive].sum(axis=0) / n_later
    return pd.DataFrame(
        {
            "feature": alive,
            "n_active": curves.n_active[alive],
            "r2": curves.r2[alive],
            "r2_active": curves.r2_active[alive],
            "information": bits - null,
            "null": null,
            "z": np.divide(bits - null, deviation, out=np.full(len(alive), np.nan), where=deviation > 0),
            "first_position": p_at.argmax(axis=0),
            "p_first": p_first,
            "p_later": p_later,
            "first_token": (p_first >= FIRST) & (p_later <= ELSEWHERE),
        }
    )
