"""Which of the most and least selective features are alike: blocks and clusters in three spaces."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster

from autointerp.evaluate._estimates import Estimate
from autointerp.evaluate._findings import Findings, Table
from autointerp.evaluate._firings import Firings
from autointerp.evaluate._setting import Setting
from autointerp.evaluate.suites.features._heat_map import average_linkage, clustered_picture, rank_order_picture
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
    found.pictures["similarity"] = rank_order_picture(maps)
    features, matrices = maps["out"]
    found.tables["clusters"] = Table(
        clusters(features, matrices),
        "Clusters of the features in the picture (average linkage, joined where the mean similarity is at least "
        f"{JOINED}), by space, first positions out; numbers have no order. A cluster of many is one thing said often.",
    )
    found.pictures["clustered"] = clustered_picture(matrices)


def similarities(firings: Firings, features: NDArray[np.int64], setting: Setting) -> dict[str, Matrix]:
    """Similarities in each space, [m, m]."""
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
        table[f"cluster_{space}"] = fcluster(average_linkage(matrix), 1 - JOINED, criterion="distance")
        table[f"size_{space}"] = table.groupby(f"cluster_{space}")["feature"].transform("size")
    return table


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
