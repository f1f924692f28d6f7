"""The histogram of tokens: which tokens a feature fires on, by how strongly it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autointerp.evaluate._estimates import Estimate, over_features
from autointerp.evaluate._figure import COLOURS, new_figure, plain
from autointerp.evaluate._findings import Picture
from autointerp.evaluate._firings import Firings

N_BINS = 10
N_TOP = 5
"""Tokens named in a bin."""
N_SHOWN = 4
"""Tokens told apart in a picture."""
_HATCHES = ("", "///", "...", "xxx")

Pieces = Callable[[Sequence[int]], list[str]]


def tokens_by_bin(firings: Firings, features: NDArray[np.int64], pieces: Pieces) -> pd.DataFrame:
    """Count tokens by bin: equal tenths of the range from 0 to a feature's largest activation here.

    Args:
        firings: On tokens that count.
        features: Which, [m].
        pieces: Spells tokens.

    Returns:
        The five most frequent tokens of each bin that holds any: ``feature``, ``bin`` (1 to 10), ``low``, ``high``
        (activations), ``n`` (firings in the bin), ``token_id``, ``token``, ``count``, ``share`` (of the bin).
    """
    parts = [_one(firings, feature) for feature in features.tolist()]
    table = pd.concat(parts, ignore_index=True)
    ids = np.unique(table["token_id"])
    spelt = dict(zip(ids.tolist(), pieces(ids.tolist()), strict=True))
    table.insert(6, "token", table["token_id"].map(spelt))
    return table


def _one(firings: Firings, feature: int) -> pd.DataFrame:
    row, value = firings.of_feature(feature)
    token = firings.token[row]
    largest = value.max(initial=0.0)
    width = largest / N_BINS
    number = np.minimum(np.floor(value / width).astype(np.int64), N_BINS - 1) if largest else np.zeros(0, np.int64)
    counts = pd.DataFrame({"bin": number + 1, "token_id": token}).value_counts().rename("count").reset_index()
    counts = counts.sort_values(["bin", "count", "token_id"], ascending=[True, False, True], kind="stable")
    counts["n"] = counts.groupby("bin")["count"].transform("sum")
    top = counts.groupby("bin").head(N_TOP)
    return pd.DataFrame(
        {
            "feature": feature,
            "bin": top["bin"],
            "low": (top["bin"] - 1) * width,
            "high": top["bin"] * width,
            "n": top["n"],
            "token_id": top["token_id"],
            "count": top["count"],
            "share": top["count"] / top["n"],
        }
    )


def top_token_share(firings: Firings, features: NDArray[np.int64], seed: int) -> Estimate:
    """Mean over features of the share of their firings that are on their most frequent token.

    Args:
        firings: On tokens that count.
        features: Which, [m].
        seed: Of the error.
    """
    shares = []
    for feature in features.tolist():
        token = firings.token[firings.of_feature(feature)[0]]
        shares.append(np.unique(token, return_counts=True)[1].max() / len(token) if len(token) else np.nan)
    return over_features(shares, n_tokens=len(firings), seed=seed)


def tokens_picture(by_bin: pd.DataFrame, features: Sequence[int]) -> Picture:
    """Shares of the most frequent tokens in every bin, for a few features.

    Args:
        by_bin: As ``tokens_by_bin`` gives it.
        features: Which, at most six.
    """
    figure, axes = new_figure(2, 3, width=9.2, height=5.2)
    for axis in axes.flat[len(features) :]:
        axis.set_visible(False)
    for axis, feature in zip(axes.flat, features, strict=False):
        rows = by_bin[by_bin["feature"] == feature]
        frequent = rows.groupby("token")["count"].sum().sort_values(ascending=False, kind="stable").index[:N_SHOWN]
        base = np.zeros(N_BINS)
        for number, token in enumerate(frequent):
            share = np.zeros(N_BINS)
            own = rows[rows["token"] == token]
            share[own["bin"] - 1] = own["share"]
            axis.bar(
                np.arange(1, N_BINS + 1), share, bottom=base, color=COLOURS[number], hatch=_HATCHES[number], width=0.9,
                edgecolor="white", linewidth=0.4, label=plain(str(token)),
            )  # fmt: skip
            base += share
        sizes = rows.drop_duplicates("bin").set_index("bin")["n"]
        for at, n in sizes.items():
            axis.annotate(f"{n}", (at, 1.02), ha="center", fontsize=6, annotation_clip=False)
        axis.set_title(f"feature {feature}", fontsize=9, pad=10)
        axis.set_ylim(0, 1)
        axis.set_xticks(range(1, N_BINS + 1, 3))
        axis.legend(
            fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=4, handlelength=1.2, columnspacing=1
        )
    figure.supxlabel("tenth of the range of activations, weakest first (above: firings in it)", fontsize=9)
    figure.supylabel("share of the bin's firings", fontsize=9)
    return Picture(
        figure,
        "Tokens by strength of activation",
        "For features drawn at random, the share that each feature's most frequent tokens have at every strength; what "
        "is left white are other tokens. A feature of one token is filled throughout; one that is filled only on the "
        "right fires weakly on other things.",
    )
