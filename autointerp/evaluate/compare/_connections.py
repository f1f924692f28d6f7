"""Which features of one SAE the features of another are made of, measured on text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize

from autointerp.errors import UsageError
from autointerp.evaluate._estimates import over_features
from autointerp.evaluate._figure import COLOURS, new_figure, plain
from autointerp.evaluate._findings import Findings, Picture, Table
from autointerp.evaluate._setting import Setting
from autointerp.evaluate._suite import NotMeasurable
from sae import SparseActs
from sae.compare import PairMoments, SparseMap, explained, fit_sparse_map

MIN_ACTIVE = 20
"""Tokens of the explain half that a feature must fire on to take part."""
N_STRONGEST = 2000
"""Connections in the table."""
TOKENS_AT_ONCE = 512
"""Encoded at a time."""


@dataclass(frozen=True)
class ConnectionOptions:
    """How features are connected."""

    alpha: float = 4e-4
    """Weight of the L1 penalty where every feature has variance 1 (see ``sae.compare.fit_sparse_map``)."""
    max_features: int = 2048
    """Of each SAE, those that fire on the most tokens: the map is solved in memory and time that grow with its
    square."""

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise UsageError(f"--alpha must be above 0, found {self.alpha}.")
        if self.max_features < 1:
            raise UsageError(f"--max-features must be at least 1, found {self.max_features}.")


@dataclass(frozen=True)
class _Fitted:
    """The map, and the features that it connects."""

    chosen: tuple[NDArray[np.int64], NDArray[np.int64]]
    """Features of A, [m], and of B, [k]."""
    n_active: NDArray[np.int64]
    """Tokens of the explain half on which each of B's fires, [k]."""
    map: SparseMap
    r2: NDArray[np.float64]
    """On the score half, [k]."""
    n_score: int
    """Tokens of the score half."""


def measure_connections(setting: Setting, options: ConnectionOptions) -> Findings:
    """Predict the activations of the second SAE's features from the first's, linearly and sparsely (F2 <- F1).

    The map is fitted on the explain half of the text and judged on the score half. Sums of products are streamed; no
    activation is kept.

    Args:
        setting: Two sites: A, and B at the same place or later in the model.
        options: How.

    Raises:
        NotMeasurable: One half of the text is empty, or no feature fires often enough.
    """
    a, b = setting.sites
    splits = np.asarray(setting.windows.split)[setting.rows]
    explain, score = (setting.rows[splits == number] for number in (0, 1))
    if not len(explain) or not len(score):
        raise NotMeasurable("The text that was drawn has no window in one of its halves. Use more --tokens.")
    found = Findings()
    counts = [np.zeros(site.model.cfg.d_sae, dtype=np.int64) for site in (a, b)]
    for acts in _activations(setting, explain, "which features fire"):
        counts = [
            count + np.bincount(one.feature.cpu().numpy(), minlength=len(count))
            for count, one in zip(counts, acts, strict=True)
        ]
    chosen = (
        _choose(counts[0], a.name, options.max_features, found.notes),
        _choose(counts[1], b.name, options.max_features, found.notes),
    )
    fitted = fit_sparse_map(_moments(setting, explain, chosen, "products, explain half"), options.alpha)
    held_out = _moments(setting, score, chosen, "products, score half")
    result = _Fitted(chosen, counts[1][chosen[1]], fitted, explained(fitted, held_out), held_out.n)
    _report(found, setting, result, options)
    return found


def _activations(setting: Setting, rows: NDArray[np.int64], stage: str) -> Iterator[tuple[SparseActs, SparseActs]]:
    """Both SAEs' features for the same tokens."""
    a, b = setting.sites
    for batch in setting.batches(stage, rows=rows):
        x = a.subject.residuals(batch.tokens)[batch.kept]
        y = x if b.subject is a.subject else b.subject.residuals(batch.tokens)[batch.kept]
        for left, right in zip(torch.split(x, TOKENS_AT_ONCE), torch.split(y, TOKENS_AT_ONCE), strict=True):
            yield a.model.encode_sparse(left), b.model.encode_sparse(right)


def _choose(n_active: NDArray[np.int64], name: str, at_most: int, notes: list[str]) -> NDArray[np.int64]:
    """Features that fire often enough, the most frequent where there are too many; ascending."""
    alive = np.flatnonzero(n_active >= MIN_ACTIVE)
    if not len(alive):
        raise NotMeasurable(f"No feature of {name} fires on {MIN_ACTIVE} tokens. Use more --tokens.")
    if len(alive) > at_most:
        notes.append(
            f"{name}: the {at_most:,} most frequent of {len(alive):,} live features take part (--max-features)."
        )
        alive = np.sort(alive[np.argsort(-n_active[alive], kind="stable")[:at_most]])
    return alive


def _moments(
    setting: Setting, rows: NDArray[np.int64], chosen: tuple[NDArray[np.int64], NDArray[np.int64]], stage: str
) -> PairMoments:
    total = PairMoments(*chosen)
    for source, target in _activations(setting, rows, stage):
        total.add(source, target)
    return total


def _report(found: Findings, setting: Setting, result: _Fitted, options: ConnectionOptions) -> None:
    a, b = setting.sites
    n_connections = (result.map.normalised != 0).sum(axis=0)
    known = result.r2[np.isfinite(result.r2)]
    found.number(
        "r2_median",
        over_features(result.r2, lambda r2: float(np.median(r2)), n_tokens=result.n_score, seed=setting.seed),
        f"Median over {b.name}'s features of the variance on held-out text that {a.name}'s features explain; the "
        "standard error is over features.",
    )
    found.number(
        "connections_median",
        over_features(n_connections, lambda n: float(np.median(n)), n_tokens=result.n_score, seed=setting.seed),
        f"Median number of {a.name}'s features that a feature of {b.name} is connected to, at alpha {options.alpha:g}.",
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
        _targets(result, n_connections),
        f"Each live feature of {b.name}: how much of its variance on held-out text the map explains (r2; below 0 is "
        "worse than its mean), from how many connections, and the strongest of them.",
    )
    if len(known):
        found.pictures["connections"] = _picture(result, n_connections, a.name, b.name)


def _connections(result: _Fitted, cosine: NDArray[np.float32]) -> pd.DataFrame:
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


def _targets(result: _Fitted, n_connections: NDArray[np.int64]) -> pd.DataFrame:
    weights = result.map.normalised
    strongest = np.abs(weights).argmax(axis=0)
    frame = pd.DataFrame({
        "feature_b": result.chosen[1],
        "n_active": result.n_active,
        "r2": result.r2,
        "n_connections": n_connections,
        "strongest_a": pd.array(result.chosen[0][strongest], dtype="Int64"),
        "strongest_weight": weights[strongest, np.arange(weights.shape[1])],
    })  # fmt: skip
    frame["strongest_a"] = frame["strongest_a"].mask(frame["n_connections"] == 0)
    return frame.sort_values(["r2", "feature_b"], ascending=[False, True], ignore_index=True)


def _picture(result: _Fitted, n_connections: NDArray[np.int64], a: str, b: str) -> Picture:
    known = np.isfinite(result.r2)
    shown = np.clip(result.r2[known], -0.25, 1.0)
    figure, axes = new_figure(1, 2, width=8.6, height=3.6)
    axes[0, 0].hist(shown, bins=np.linspace(-0.25, 1.0, 51), color=COLOURS[0])
    axes[0, 0].set_xlabel("R2 on held-out text (below -0.25: there)")
    axes[0, 0].set_ylabel(f"features of {plain(b)}")
    axes[0, 1].plot(n_connections[known], shown, linestyle="none", marker=".", markersize=3, color=COLOURS[1])
    axes[0, 1].set_xlabel(f"features of {plain(a)} it is connected to")
    axes[0, 1].set_ylabel("R2 on held-out text")
    return Picture(
        figure,
        "How much of B's features a linear map from A's explains",
        f"Left: features of {b} at R2 near 1 are sums of features of {a}; those near 0 are something else, or not "
        f"linear in them. Right: how many connections that takes. Here the median R2 is {np.median(shown):.2f}.",
    )
