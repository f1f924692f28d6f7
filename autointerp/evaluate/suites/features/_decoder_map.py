"""Decoder directions laid out in a plane, and how near each is to another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from autointerp.evaluate._embed import MIN_UMAP, pca, umap
from autointerp.evaluate._estimates import over_features
from autointerp.evaluate._figure import COLOURS, new_figure
from autointerp.evaluate._findings import Findings, Picture, Table
from autointerp.evaluate._setting import Setting

MAX_POINTS = 4_000
"""Features drawn at random where there are more: UMAP's time grows with them."""
TWINS = 0.8
"""Cosine from which on two directions are near-duplicates."""
BLOCK_ELEMENTS = 2**24


def add_decoder_map(found: Findings, setting: Setting) -> None:
    """Add the map and the cosines of nearest neighbours.

    Args:
        found: Where to add.
        setting: SAE and harvest.
    """
    density = setting.sketch.n_active / max(setting.sketch.n_tokens, 1)
    chosen = np.random.default_rng(setting.seed).permutation(len(density))[:MAX_POINTS]
    chosen.sort()
    if len(chosen) < len(density):
        found.notes.append(f"The decoder map shows {MAX_POINTS:,} features drawn at random of {len(density):,}.")
    alive, unit = density > 0, torch.nn.functional.normalize(setting.model.W_dec.detach().float(), dim=1)
    nearest = nearest_cosine(unit, chosen, np.flatnonzero(alive))
    n_tokens, seed = setting.sketch.n_tokens, setting.seed
    of_alive = nearest[alive[chosen]]
    for name, values, reading in (
        (
            "nearest_cosine_alive",
            of_alive,
            "Cosine of a live feature's decoder direction and the nearest other live one.",
        ),
        ("nearest_cosine_dead", nearest[~alive[chosen]], "The same from dead features to the nearest live one."),
        ("share_near_duplicate", of_alive > TWINS, f"Share of live features whose nearest is above {TWINS}."),
    ):
        if len(values):
            found.number(name, over_features(values.astype(float), n_tokens=n_tokens, seed=seed), reading)
    points = unit[torch.from_numpy(chosen)].double().cpu().numpy()
    flat, explained = pca(points)
    table = pd.DataFrame(
        {
            "feature": chosen,
            "density": density[chosen],
            "nearest_cosine": nearest,
            "pca_1": flat[:, 0],
            "pca_2": flat[:, 1],
        }
    )
    if len(chosen) >= MIN_UMAP:
        table[["umap_1", "umap_2"]] = umap(points, seed=setting.seed)
    else:
        found.notes.append(f"Fewer than {MIN_UMAP} features: no UMAP.")
    found.tables["decoder_map"] = Table(
        table,
        "Where each decoder direction lies in the two maps, the share of tokens it fires on, and its cosine with the "
        "nearest other live feature.",
    )
    found.pictures["decoder_map"] = _picture(table, explained)


def nearest_cosine(unit: Tensor, features: NDArray[np.int64], among: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cosine with the nearest other direction.

    Args:
        unit: Rows of length one, [F, d].
        features: Whose, [m].
        among: Which may be nearest, [k]; a feature is not its own neighbour.

    Returns:
        [m]; nan where there is no other.
    """
    if not len(among):
        return np.full(len(features), np.nan)
    others, parts = unit[torch.from_numpy(among)], []  # [k, d]
    n_rows = max(1, BLOCK_ELEMENTS // len(among))
    for at in range(0, len(features), n_rows):
        rows = features[at : at + n_rows]
        cosines = unit[torch.from_numpy(rows)] @ others.T  # [rows, k]
        cosines[torch.from_numpy(rows[:, None] == among)] = -torch.inf
        parts.append(cosines.amax(dim=1).double().cpu().numpy())
    nearest = np.concatenate(parts)
    return np.where(np.isfinite(nearest), nearest, np.nan)


def _picture(table: pd.DataFrame, explained: NDArray[np.float64]) -> Picture:
    maps = [name for name in ("pca", "umap") if f"{name}_1" in table]
    figure, axes = new_figure(1, len(maps), width=1.0 + 3.6 * len(maps), height=3.6)
    dead = table["density"] == 0
    for axis, name in zip(axes[0], maps, strict=True):
        x, y = table[f"{name}_1"], table[f"{name}_2"]
        axis.scatter(x[dead], y[dead], s=14, marker="x", linewidths=0.8, color=COLOURS[1], label="never active")
        drawn = axis.scatter(
            x[~dead], y[~dead], s=6, c=np.log10(table["density"][~dead]), cmap="viridis", label="active"
        )
        axis.set_title({"pca": f"PCA, {explained.sum():.0%} of the variance", "umap": "UMAP"}[name], fontsize=9)
        axis.set_xlabel(f"{name.upper()} 1")
        axis.set_ylabel(f"{name.upper()} 2")
    if dead.any():
        axes[0, 0].legend(loc="best", fontsize=7)
    if (~dead).any():
        figure.colorbar(drawn, ax=axes, label="log10 share of tokens")
    return Picture(
        figure,
        "Decoder directions in the plane",
        "Each point is a feature's decoder direction, coloured by how often it fires; crosses never do. Left, the two "
        f"main directions, which hold {explained.sum():.0%} of the variance. Right, UMAP, where only neighbourhoods "
        "mean something: a knot is a group of near-duplicates, and dead features that lie apart were never trained.",
    )
