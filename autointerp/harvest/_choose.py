"""Choosing contexts: no place twice, and windows as different as there are."""

from __future__ import annotations

from collections.abc import Iterable


def choose(places: Iterable[int], n: int, *, used: set[int], context_length: int) -> list[int]:
    """The first places in the order given that are not used yet, a window each where there are enough.

    Args:
        places: ``window * context_length + position``, best first.
        n: How many are wanted.
        used: Places taken already; what is chosen is added.
        context_length: Positions of a window.

    Returns:
        Indices into ``places``, in its order, at most ``n``.
    """
    chosen: dict[int, int] = {}  # index -> place
    again: dict[int, int] = {}
    windows: set[int] = set()
    for i, place in enumerate(places):
        if len(chosen) == n:
            break
        if place in used:
            continue
        if place // context_length in windows:
            again.setdefault(i, place)
            continue
        chosen[i] = place
        windows.add(place // context_length)
        used.add(place)
    for i, place in again.items():
        if len(chosen) < n and place not in used:
            chosen[i] = place
            used.add(place)
    return sorted(chosen)
