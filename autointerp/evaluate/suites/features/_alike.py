"""The heat map of feature similarities: three spaces, first positions in and out, in rank order and in clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform

from autointerp.evaluate._estimates import Estimate
from autointerp.evaluate._figure import COLOURS, new_figure
from autointerp.evaluate._findings import Findings, Picture, Table
from autointerp.evaluate._firings import Firings
from autointerp.evaluate._setting import Setting
from autointerp.evaluate.suites.features._similarity import (
    Matrix,
    block_mean,
    by_decoder,
    by_occurrence,
    by_token_type,
    extremes,
)

K_EXTREME = 25
"""Most selective features, and as many least selective ones."""
JOINED = 0.5
"""Mean similarity from which on features are one cluster."""
SPACES = {
    "token_type": "largest activation\nby token type, cosine",
    "occurrence": "activations over\ntokens, Pearson",
    "decoder": "decoder directions,\ncosine",
}


def add_alike(found: Findings, setting: Setting) -> None:
    """Add the pictures, the clusters, and what the blocks have come to.

    Args:
        found: Where to add.
        setting: Firings and SAE.
    """
    maps = {}
    for name, firings in (("out", setting.firings.counted), ("in", setting.firings)):
        features = extremes(firings, K_EXTREME)
        if len(features) < 4:
            found.notes.append("Too few features fire on ten tokens or more: no similarities.")
            return
        maps[name] = features, similarities(firings, features, setting)
    blocks = pd.concat([_blocks(name, matrices) for name, (_, matrices) in maps.items()], ignore_index=True)
    found.tables["similarity_blocks"] = Table(
        blocks,
        "Mean similarity within the most selective features (top), the least selective (bottom) and between them, by "
        "space and with first positions in or out of the ranking and the activations. A top block that is there only "
        "with first positions (and BOS) is made of features that fire there; a bottom block that is smaller "
        "by occurrence than by token type is made of frequent tokens, not of shared moments.",
    )
    for row in blocks[blocks["block"] != "between"].to_dict("records"):
        which = "most" if row["block"] == "top" else "least"
        found.number(
            f"{row['block']}_block_{row['space']}_first_{row['first_positions']}",
            Estimate(row["mean"], row["standard_error"], len(setting.firings)),
            f"Mean similarity ({str(row['space']).replace('_', ' ')}) within the {which} selective features, first "
            f"positions {row['first_positions']}.",
        )
    found.pictures["similarity"] = _rank_order(maps)
    features, matrices = maps["out"]
    found.tables["clusters"] = Table(
        clusters(features, matrices),
        "Clusters of the features in the picture (average linkage, joined where the mean similarity is at least "
        f"{JOINED}), by space, first positions out; numbers have no order. A cluster of many is one thing said often.",
    )
    found.pictures["clustered"] = _clustered(matrices)


def similarities(firings: Firings, features: NDArray[np.int64], setting: Setting) -> dict[str, Matrix]:
    """Similarities in each of ``SPACES``, [m, m]."""
    return {
        "token_type": by_token_type(firings, features),
        "occurrence": by_occurrence(firings, features),
        "decoder": by_decoder(setting.model.W_dec, features),
    }


def clusters(features: NDArray[np.int64], matrices: dict[str, Matrix]) -> pd.DataFrame:
    """Cluster numbers of each feature.

    Args:
        features: In rank order, most selective first, [m].
        matrices: Similarities by space, [m, m].

    Returns:
        ``feature``, ``half`` (top or bottom), ``cluster_SPACE`` and its size ``size_SPACE`` for each space.
    """
    half = np.where(np.arange(len(features)) < len(features) // 2, "top", "bottom")
    table = pd.DataFrame({"feature": features, "half": half})
    for space, matrix in matrices.items():
        table[f"cluster_{space}"] = fcluster(_linkage(matrix), 1 - JOINED, criterion="distance")
        table[f"size_{space}"] = table.groupby(f"cluster_{space}")["feature"].transform("size")
    return table


def _linkage(similarity: Matrix) -> Matrix:
    distance = 1 - np.nan_to_num(similarity)
    np.fill_diagonal(distance, 0)
    tree: Matrix = linkage(squareform(distance, checks=False), method="average", optimal_ordering=True)
    return tree


def _blocks(first_positions: str, matrices: dict[str, Matrix]) -> pd.DataFrame:
    rows = []
    for space, matrix in matrices.items():
        top, bottom = np.split(np.arange(len(matrix)), 2)
        for block, pair in {"top": (top, top), "bottom": (bottom, bottom), "between": (top, bottom)}.items():
            mean, error = block_mean(matrix, *pair)
            rows.append(
                {
                    "first_positions": first_positions,
                    "space": space,
                    "block": block,
                    "mean": mean,
                    "standard_error": error,
                }
            )
    return pd.DataFrame(rows)


def _rank_order(maps: dict[str, tuple[NDArray[np.int64], dict[str, Matrix]]]) -> Picture:
    figure, axes = new_figure(2, 3, width=7.6, height=5.2)
    for row, first in enumerate(("in", "out")):
        _draw(axes[row], maps[first][1], order=None)
        axes[row, 0].set_ylabel(f"BOS and first\npositions {first}")
    _bar(figure, axes)
    top = {
        first: block_mean(matrices["token_type"], *_top(matrices["token_type"]))[0]
        for first, (_, matrices) in maps.items()
    }
    return Picture(
        figure,
        "Similarity of the most and least selective features",
        "Features in rank order, the most selective at the top left, the least at the bottom right; the lines part the "
        "two halves. A block of strong similarity says that many features are one. The top left block's mean by token "
        f"type is {top['in']:.2f} with BOS and first positions and {top['out']:.2f} without.",
    )


def _clustered(matrices: dict[str, Matrix]) -> Picture:
    figure, axes = new_figure(1, 3, width=7.6, height=2.9)
    for axis, (space, matrix) in zip(axes[0], matrices.items(), strict=True):
        _draw([axis], {space: matrix}, order=leaves_list(_linkage(matrix)))
    _bar(figure, axes)
    return Picture(
        figure,
        "The same features, in the order of their clusters",
        "As above without first positions, reordered in each space by average linkage so that similar features are "
        "neighbours: squares along the diagonal are clusters, and a diagonal alone means that there are none.",
    )


def _top(matrix: Matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    top = np.arange(len(matrix) // 2)
    return top, top


def _draw(axes: Any, matrices: dict[str, Matrix], *, order: NDArray[np.int64] | None) -> None:
    for axis, (space, matrix) in zip(axes, matrices.items(), strict=True):
        shown = matrix if order is None else matrix[np.ix_(order, order)]
        axis.imshow(shown, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        axis.set_title(SPACES[space], fontsize=8)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.grid(visible=False)
        if order is None:
            axis.axhline(len(matrix) / 2 - 0.5, color=COLOURS[6], linewidth=0.8)
            axis.axvline(len(matrix) / 2 - 0.5, color=COLOURS[6], linewidth=0.8)


def _bar(figure: Figure, axes: Any) -> None:
    figure.colorbar(axes.flat[0].images[0], ax=axes, shrink=0.8, label="similarity")
