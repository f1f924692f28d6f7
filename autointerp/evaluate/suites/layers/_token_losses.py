"""Loss that an SAE adds, token by token: how it is distributed, and whether SAEs hurt the same tokens."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from autointerp.evaluate._estimates import Estimate
from autointerp.evaluate._figure import new_figure, series
from autointerp.evaluate._findings import Findings, Picture, Table
from autointerp.evaluate._groups import by_groups

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
N_KEPT = 3_000
"""Tokens whose activations are kept, for the pictures of them."""


class TokenLosses:
    """CE difference of every token for every SAE, and the activations of some."""

    def __init__(self, first: str, seed: int, n_windows: int) -> None:
        """Start empty.

        Args:
            first: The SAE whose hook point's activations are kept.
            seed: Of the choice of tokens whose activations are kept.
            n_windows: Windows to come.
        """
        self.first = first
        self._random = np.random.default_rng(seed)
        self._a_window = N_KEPT / n_windows
        self._differences: dict[str, list[NDArray[np.float64]]] = {}
        self._clusters: list[NDArray[np.int64]] = []
        self._chosen: list[NDArray[np.int64]] = []
        self._activations: list[NDArray[np.float32]] = []
        self._n = 0

    def add(
        self, differences: dict[str, Tensor], counts: Tensor, clusters: NDArray[np.int64], activations: Tensor
    ) -> None:
        """Add a batch.

        Args:
            differences: By SAE, CE spliced minus original, [b, t - 1].
            counts: bool [b, t - 1].
            clusters: Of each window, [b].
            activations: At the first SAE's hook point, [b, t, d].
        """
        n = int(counts.sum())
        for name, values in differences.items():
            self._differences.setdefault(name, []).append(values[counts].double().cpu().numpy())
        self._clusters.append(np.repeat(clusters, counts.sum(dim=1).cpu().numpy()))
        chosen = np.sort(self._random.permutation(n)[: int(np.ceil(self._a_window * len(clusters)))])
        self._activations.append(activations[:, :-1][counts].float().cpu().numpy()[chosen])
        self._chosen.append(chosen + self._n)
        self._n += n

    @property
    def differences(self) -> dict[str, NDArray[np.float64]]:
        """By SAE, [n]."""
        return {name: np.concatenate(parts) for name, parts in self._differences.items()}

    @property
    def clusters(self) -> NDArray[np.int64]:
        """Group of near-duplicate documents of each token, [n]."""
        return np.concatenate(self._clusters)

    @property
    def chosen(self) -> NDArray[np.int64]:
        """Numbers of the tokens whose activations were kept, [m]."""
        return np.concatenate(self._chosen)

    @property
    def activations(self) -> NDArray[np.float32]:
        """Of these, [m, d]."""
        return np.concatenate(self._activations)


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Rank correlation, ties sharing their mean rank; nan below three values or where one does not vary."""
    if len(a) < 3 or a.min() == a.max() or b.min() == b.max():
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def tail_share(values: NDArray[np.float64]) -> float:
    """Share of the loss added by the tenth of the tokens that pay most; nan where nothing is added in all."""
    n, total = len(values) // 10, values.sum()
    return float(np.sort(values)[len(values) - n :].sum() / total) if n and total > 0 else float("nan")


def add_token_losses(found: Findings, losses: TokenLosses) -> None:
    """Add quantiles of the CE differences, and their rank correlations where there are several SAEs.

    Args:
        found: Where to.
        losses: Of the pass.
    """
    differences, clusters = losses.differences, losses.clusters
    rows = [_quantiles(name, values, clusters) for name, values in differences.items()]
    found.tables["token_losses"] = Table(
        pd.DataFrame(rows),
        "Loss that splicing adds to each next-token prediction, nats: quantiles over tokens, the share of tokens that "
        "get worse, and the share of the whole loss that the worst tenth of tokens pays. Errors (_se) are from "
        "twenty random groups of documents.",
    )
    first = differences[losses.first]
    median, tail = float(np.median(first)), tail_share(first)
    paid = f"; the tenth of the tokens that pay most pays {tail:.0%} of the sum" if np.isfinite(tail) else ""
    found.pictures["token_losses"] = Picture(
        _curves(differences),
        "Loss added, token by token",
        "Each SAE's per-token CE differences from the smallest to the largest, on a scale that is linear near zero "
        f"and logarithmic beyond. For {losses.first} the median token gets {median:+.3f} nats{paid}.",
    )
    if len(differences) < 2:
        return
    pairs = [
        {"sae": a, "other": b, **_rank_correlation(differences[a], differences[b], clusters).columns("spearman")}
        for a, b in itertools.combinations(differences, 2)
    ]
    found.tables["loss_correlations"] = Table(
        pd.DataFrame(pairs),
        "Spearman's rank correlation of the per-token CE differences of two SAEs: 1 where they hurt the same tokens in "
        "the same order. Errors (_se) are from twenty random groups of documents.",
    )


def _rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64], clusters: NDArray[np.int64]) -> Estimate:
    return by_groups(lambda at: spearman(a[at], b[at]), clusters)


def _quantiles(name: str, values: NDArray[np.float64], clusters: NDArray[np.int64]) -> dict[str, object]:
    def quantile(q: float) -> Estimate:
        return by_groups(lambda at: float(np.quantile(values[at], q)), clusters)

    cells: dict[str, object] = {"sae": name, "n_tokens": len(values)}
    cells |= by_groups(lambda at: float(values[at].mean()), clusters).columns("mean")
    for q in QUANTILES:
        cells |= quantile(q).columns(f"q{round(100 * q):02d}")
    cells |= by_groups(lambda at: float((values[at] > 0).mean()), clusters).columns("share_worse")
    return cells | by_groups(lambda at: tail_share(values[at]), clusters).columns("share_of_worst_tenth")


def _curves(differences: dict[str, NDArray[np.float64]]) -> Figure:
    figure, axes = new_figure(width=5.6, height=3.4)
    at = np.linspace(0.002, 0.998, 200)
    style = series()
    for name, values in differences.items():
        axes[0, 0].plot(100 * at, np.quantile(values, at), label=name, markevery=25, **next(style))
    axes[0, 0].axhline(0, color="#7F7F7F", linewidth=0.8)
    axes[0, 0].set_yscale("symlog", linthresh=0.1)
    axes[0, 0].set(xlabel="percent of tokens", ylabel="CE difference (nats)")
    axes[0, 0].legend()
    return figure
