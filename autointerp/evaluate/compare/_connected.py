"""What a map between features found, as numbers, tables and a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch.nn.functional import normalize

from autointerp.evaluate._estimates import over_features
from autointerp.evaluate._figure import COLOURS, new_figure, plain
from autointerp.evaluate._findings import Findings, Picture, Table
from autointerp.evaluate._setting import Setting
from sae.compare import SparseMap

N_STRONGEST = 2000
"""Connections in the table."""


@dataclass(frozen=True)
class Connected:
    """The map, and the features that it connects."""

    alpha: float
    """Its penalty."""
    chosen: tuple[NDArray[np.int64], NDArray[np.int64]]
    """Features of A, [m], and of B, [k]."""
    n_active: NDArray[np.int64]
    """Tokens of the explain half on which each of B's fires, [k]."""
    map: SparseMap
    """At that penalty."""
    path: dict[float, NDArray[np.float64]]
    """R2 on the score half and number of connections at each penalty tried, [2, k], by ascending penalty."""
    n_score: int
    """Tokens of the score half."""

    @property
    def r2(self) -> NDArray[np.float64]:
        """On the score half, [k]."""
        r2: NDArray[np.float64] = self.path[self.alpha][0]
        return r2

    @property
    def n_connections(self) -> NDArray[np.float64]:
        """Of each of B's features, [k]."""
        n_connections: NDArray[np.float64] = self.path[self.alpha][1]
        return n_connections


def report_connections(found: Findings, setting: Setting, result: Connected) -> None:
    """Add numbers, tables and the picture.

    Args:
        found: Gets them.
        setting: What was measured on.
        result: The maps.
    """
    a, b = setting.sites
    known = result.r2[np.isfinite(result.r2)]
    found.number(
        "r2_median",
        over_features(result.r2, lambda r2: float(np.median(r2)), n_tokens=result.n_score, seed=setting.seed),
        f"Median over {b.name}'s features of the variance on held-out text that {a.name}'s features explain; the "
        "standard error is over features.",
    )
    found.number(
        "connections_median",
        over_features(result.n_connections, lambda n: float(np.median(n)), n_tokens=result.n_score, seed=setting.seed),
        f"Median number of {a.name}'s features that a feature of {b.name} is connected to, at alpha {result.alpha:g}.",
    )
    if len(known) < len(result.r2):
        found.notes.append(f"{len(result.r2) - len(known):,} features of {b.name} are silent on the score half.")
    if not result.map.solved.all():
        found.notes.append(
            f"{int((~result.map.solved).sum()):,} of {len(result.r2):,} fits stopped before their optimum; their R2 is "
            "a little lower than it could be."
        )
    units = [
        normalize(site.model.W_dec.detach()[ids].float(), dim=1)
        for site, ids in zip(setting.sites, result.chosen, strict=True)
    ]
    found.tables["connections"] = Table(
        _connections(result, (units[0] @ units[1].T).cpu().numpy()),
        f"The {N_STRONGEST:,} strongest connections at most. weight: standard deviations that the feature of {b.name} "
        f"moves for one of {a.name}'s; cosine: of the two decoder directions.",
    )
    found.tables["connected_features"] = Table(
        _targets(result),
        f"Each live feature of {b.name}: how much of its variance on held-out text the map explains (r2; below 0 is "
        "worse than its mean), from how many connections, and the strongest of them.",
    )
    penalties = _penalties(result, setting.seed)
    found.tables["penalties"] = Table(
        penalties,
        "The map at other penalties: medians over features of R2 on held-out text and of connections. Where R2 stays "
        "as high with fewer connections, the ones left out said nothing. The other tables are at alpha "
        f"{result.alpha:g}.",
    )
    if len(known):
        found.pictures["connections"] = _picture(result, penalties, a.name, b.name)


def _connections(result: Connected, cosine: NDArray[np.float32]) -> pd.DataFrame:
    weights = result.map.normalised
    strongest = np.argsort(-np.abs(weights), axis=None, kind="stable")[:N_STRONGEST]
    strongest = strongest[weights.reshape(-1)[strongest] != 0]
    source, target = np.unravel_index(strongest, weights.shape)
    return pd.DataFrame({
        "feature_a": result.chosen[0][source],
        "feature_b": result.chosen[1][target],
        "weight": weights[source, target],
        "cosine": cosine[source, target],
        "r2_b": result.r2[target],
    })  # fmt: skip


def _targets(result: Connected) -> pd.DataFrame:
    weights = result.map.normalised
    strongest = np.abs(weights).argmax(axis=0)
    frame = pd.DataFrame({
        "feature_b": result.chosen[1],
        "n_active": result.n_active,
        "r2": result.r2,
        "n_connections": result.n_connections.astype(np.int64),
        "strongest_a": pd.array(result.chosen[0][strongest], dtype="Int64"),
        "strongest_weight": weights[strongest, np.arange(weights.shape[1])],
    })  # fmt: skip
    frame["strongest_a"] = frame["strongest_a"].mask(frame["n_connections"] == 0)
    return frame.sort_values(["r2", "feature_b"], ascending=[False, True], ignore_index=True)


def _penalties(result: Connected, seed: int) -> pd.DataFrame:
    rows = []
    for alpha, (r2, n_connections) in result.path.items():
        medians = [
            over_features(values, lambda known: float(np.median(known)), n_tokens=result.n_score, seed=seed)
            for values in (r2, n_connections)
        ]
        rows.append({"alpha": alpha, **medians[0].columns("r2_median"), **medians[1].columns("connections_median")})
    return pd.DataFrame(rows)


def _picture(result: Connected, penalties: pd.DataFrame, a: str, b: str) -> Picture:
    shown = np.clip(result.r2[np.isfinite(result.r2)], -0.25, 1.0)
    figure, axes = new_figure(1, 2, width=8.6, height=3.6)
    axes[0, 0].hist(shown, bins=np.linspace(-0.25, 1.0, 51), color=COLOURS[0])
    axes[0, 0].set_xlabel("R2 on held-out text (all below -0.25 at -0.25)")
    axes[0, 0].set_ylabel(f"features of {plain(b)}")
    medians = penalties["connections_median"], penalties["r2_median"]
    axes[0, 1].errorbar(*medians, yerr=penalties["r2_median_se"], color=COLOURS[1], marker="o", capsize=2)
    for alpha, n_connections, r2 in zip(penalties["alpha"], *medians, strict=True):
        axes[0, 1].annotate(f"{alpha:g}", (n_connections, r2), (4, 6), textcoords="offset points", fontsize=8)
    axes[0, 1].set_xscale("symlog", linthresh=1)
    axes[0, 1].set_xlabel(f"connections to features of {plain(a)}, median")
    axes[0, 1].set_ylabel("R2 on held-out text, median")
    axes[0, 1].margins(x=0.12, y=0.25)
    return Picture(
        figure,
        "How much of one SAE's features a linear map from the other's explains",
        f"Left: features of {b} near 1 are sums of features of {a}; those near 0 are something else, or not linear in "
        f"them; here the median R2 is {np.median(shown):.2f}. Right: the same at other penalties (their alpha beside "
        "each mark): connections that can go without loss said nothing.",
    )
