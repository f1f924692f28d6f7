"""Whether the tokens that pay most for an SAE lie apart from the others: pictures of activations, and a classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autointerp.evaluate._embed import pca, umap
from autointerp.evaluate._estimates import Estimate
from autointerp.evaluate._figure import COLOURS, new_figure
from autointerp.evaluate._findings import Findings, Picture, Table
from autointerp.evaluate._groups import by_groups
from autointerp.evaluate._setting import Setting
from autointerp.evaluate.suites.layers._token_losses import TokenLosses

N_FOLDS = 5
N_SHUFFLES = 5
N_DRAWN = 1_500
"""Points of a picture."""
MIN_TOKENS = 200


@dataclass(frozen=True)
class Separability:
    """How well activations tell the worst tenth of the tokens."""

    auroc: Estimate
    """Of a logistic regression on documents that it was not fitted on."""
    null: tuple[float, ...]
    """The same with the labels shuffled, several times."""

    @property
    def columns(self) -> dict[str, float]:
        """Cells of a table."""
        shuffled = Estimate(float(np.mean(self.null)), float(np.std(self.null, ddof=1)), self.auroc.n)
        return self.auroc.columns("auroc") | shuffled.columns("shuffled_auroc")


def separability(
    x: NDArray[np.float32], values: NDArray[np.float64], clusters: NDArray[np.int64], seed: int
) -> Separability:
    """Predict which tokens are in the top tenth of ``values`` from their activations, with a null.

    Args:
        x: Activations, [n, d].
        values: Of each token, [n].
        clusters: Group of near-duplicate documents of each, [n], at least 5 different ones.
        seed: Of the shuffles.
    """
    label = values >= np.quantile(values, 0.9)
    random = np.random.default_rng(seed)
    score = _held_out_scores(x, label, clusters)
    shuffled = [random.permutation(label) for _ in range(N_SHUFFLES)]
    return Separability(
        auroc=by_groups(lambda at: _auroc(label[at], score[at]), clusters),
        null=tuple(_auroc(other, _held_out_scores(x, other, clusters)) for other in shuffled),
    )


def _held_out_scores(
    x: NDArray[np.float32], label: NDArray[np.bool_], clusters: NDArray[np.int64]
) -> NDArray[np.float64]:
    """For each token, its rank in its fold by a model fitted on the other folds' documents, 0 to 1, [n].

    Ranks, because the models' offsets differ: a fold with more of the worst tokens leaves fewer to fit on.
    """
    scores = np.zeros(len(x))
    for fit, test in GroupKFold(N_FOLDS).split(x, label, clusters):
        if label[fit].any() and not label[fit].all():
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
            found = model.fit(x[fit], label[fit]).decision_function(x[test])
            scores[test] = rankdata(found) / len(test)
    return scores


def _auroc(label: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    return float(roc_auc_score(label, score)) if label.any() and not label.all() else float("nan")


def add_separability(found: Findings, losses: TokenLosses, setting: Setting) -> None:
    """Add the area under the curve with its null, and pictures of the activations.

    Args:
        found: Where to.
        losses: Of the pass.
        setting: Its seed.
    """
    chosen = losses.chosen
    x, clusters = losses.activations, losses.clusters[chosen]
    if len(x) < MIN_TOKENS or len(np.unique(clusters)) < N_FOLDS:
        found.notes.append(
            f"Separability was left out: {len(x)} tokens of {len(np.unique(clusters))} documents are too few."
        )
        return
    results = {
        name: separability(x, differences[chosen], clusters, setting.seed)
        for name, differences in losses.differences.items()
    }
    rows = [{"sae": name, **result.columns, "n_tokens": len(x)} for name, result in results.items()]
    first = results[losses.first]
    found.number(
        "worst_tokens_auroc",
        first.auroc,
        "How well the activation tells the tenth of the tokens with the largest CE difference from the others, on "
        f"documents held out: 0.5 is not at all; with shuffled labels {np.mean(first.null):.3f}.",
    )
    found.tables["separability"] = Table(
        pd.DataFrame(rows),
        f"Area under the curve of a logistic regression from activations at {setting.subject.hook_point} to the tenth "
        "of the tokens with the largest CE difference, cross-validated by document; beside it, the mean over five "
        "shuffles of the labels, and their spread. Errors of the first (_se) are from twenty random groups of "
        "documents.",
    )
    drawn = np.random.default_rng(setting.seed).permutation(len(x))[:N_DRAWN]
    found.pictures["token_map"] = Picture(
        _maps(x[drawn], losses.differences[losses.first][chosen][drawn], setting.seed),
        "Activations by the loss added",
        f"Activations at {setting.subject.hook_point} of {len(drawn):,} tokens, by PCA (top) and UMAP (bottom). "
        "Darker dots are tokens to which splicing adds more loss, triangles the worst tenth. On the right the same "
        "points with the losses shuffled: what differs from it is structure. "
        f"The AUROC is {first.auroc.value:.2f}, shuffled {np.mean(first.null):.2f}.",
    )


def _maps(x: NDArray[np.float32], values: NDArray[np.float64], seed: int) -> Figure:
    figure, axes = new_figure(2, 2, width=7.0, height=6.4)
    wide = x.astype(np.float64)
    shuffled = np.random.default_rng(seed).permutation(values)
    for row, (method, points) in zip(axes, {"PCA": pca(wide)[0], "UMAP": umap(wide, seed=seed)}.items(), strict=True):
        for panel, (title, shown) in zip(row, {"measured": values, "shuffled": shuffled}.items(), strict=True):
            shade = rankdata(shown) / len(shown)
            worst = shade > 0.9
            panel.scatter(*points[~worst].T, c=shade[~worst], cmap="Blues", vmin=-0.4, vmax=1.2, s=5, linewidths=0)
            panel.scatter(*points[worst].T, color=COLOURS[1], marker="^", s=11, linewidths=0)
            panel.set(title=f"{method}, {title}", xticks=[], yticks=[])
    return figure
