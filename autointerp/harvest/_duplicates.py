"""Near-duplicate features, each pointed at the one that stands for its group."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from autointerp.harvest._spec import Peaks

MIN_SAME_WINDOWS = 20
"""Features must share at least this many strongest windows to be the same by their windows."""


def same_windows(top: Peaks, *, context_length: int) -> NDArray[np.int64]:
    """Features whose strongest windows are the same, peak for peak.

    Peaks are compared with their positions: in a small corpus two frequent features can both have every window among
    their strongest.

    Args:
        top: Strongest windows, [F, k].
        context_length: Positions of a window.

    Returns:
        For each feature the lowest index with the same set, itself when there is no other; [F].
    """
    place = np.where(top.window < 0, -1, top.window * context_length + top.position)
    place.sort(axis=1)
    enough = np.flatnonzero((place >= 0).sum(axis=1) >= MIN_SAME_WINDOWS)
    standing = np.arange(len(place))
    if len(enough):
        _, first, group = np.unique(place[enough], axis=0, return_index=True, return_inverse=True)
        standing[enough] = enough[first[group.reshape(-1)]]
    return standing


def join_groups(groupings: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Put groups that overlap together.

    Args:
        groupings: Each gives every feature another one of its group, or itself; [F].

    Returns:
        The lowest index of each feature's joined group, [F].
    """
    links = np.concatenate(list(stacked := list(groupings)))
    n = len(stacked[0])
    here = np.tile(np.arange(n), len(stacked))
    _, group = connected_components(
        coo_array((np.ones(len(links), np.bool_), (here, links)), shape=(n, n)), directed=False
    )
    lowest = np.full(n, n)
    np.minimum.at(lowest, group, np.arange(n))
    joined: NDArray[np.int64] = lowest[group]
    return joined
