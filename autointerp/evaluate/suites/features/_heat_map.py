"""The heat map of feature similarities, in rank order and in clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from autointerp.evaluate._figure import COLOURS, new_figure
from autointerp.evaluate._findings import Picture
from autointerp.evaluate.suites.features._similarity import Matrix, block_mean

SPACES = {
    "token_type": "largest activation\nby token type, cosine",
    "occurrence": "activations over\ntokens, Pearson",
    "decoder": "decoder directions,\ncosine",
}


def average_linkage(similarity: Matrix) -> Matrix:
    """Scipy's tree of clusters by average linkage, its leaves in the order that puts similar ones side by side.

    Args:
        similarity: [m, m]; nan counts as 0.
    """
    distance = 1 - np.nan_to_num(similarity)
    np.fill_diagonal(distance, 0)
    tree: Matrix = linkage(squareform(distance, checks=False), method="average", optimal_ordering=True)
    return tree


def rank_order_picture(maps: dict[str, tuple[NDArray[np.int64], dict[str, Matrix]]]) -> Picture:
    """Similarities in the order of rank.

    Args:
        maps: For first positions ``in`` and ``out``: the features, [m], and their similarities by space, [m, m].
    """
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


def clustered_picture(matrices: dict[str, Matrix]) -> Picture:
    """Similarities in the order of their clusters.

    Args:
        matrices: By space, [m, m].
    """
    figure, axes = new_figure(1, 3, width=7.6, height=2.9)
    for axis, (space, matrix) in zip(axes[0], matrices.items(), strict=True):
        _draw([axis], {space: matrix}, order=leaves_list(average_linkage(matrix)))
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
