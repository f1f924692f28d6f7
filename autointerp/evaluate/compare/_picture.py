"""Largest cosines as histograms: the comparison, and what chance and other seeds reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autointerp.evaluate._figure import COLOURS, LINES, new_figure, plain
from autointerp.evaluate._findings import Picture
from autointerp.evaluate.compare._closeness import Closeness

N_BINS = 50


def closeness_picture(
    pair: tuple[Closeness, Closeness],
    nulls: Sequence[tuple[Closeness, Closeness]],
    seeds: Sequence[tuple[Closeness, Closeness]],
) -> Picture:
    """Draw both ways side by side.

    Args:
        pair: A in B, B in A.
        nulls: Random directions in A's place in B, and in B's place in A; two kinds.
        seeds: A in another seed, and that seed in A.
    """
    shown = [*pair, *(one for both in (*nulls, *seeds) for one in both)]
    edges = np.linspace(min(0.0, *(one.cosine.min() for one in shown)), 1.0, N_BINS + 1)
    figure, axes = new_figure(1, 2, width=8.6, height=3.9)
    for side, (axis, real) in enumerate(zip(axes[0], pair, strict=True)):
        _steps(axis, real, edges, plain(f"{real.of} in {real.found_in}"), fill=True, color=COLOURS[0], alpha=0.45)
        for number, both in enumerate(nulls, start=1):
            label = plain(f"{both[side].of} in {both[side].found_in}")
            _steps(axis, both[side], edges, label, color=COLOURS[number], linestyle=LINES[number])
        for number, (to_seed, _) in enumerate(seeds if side == 0 else ()):
            label = "_" if number else plain(f"{to_seed.of} in other seeds of it")  # a name of "_" is not in the legend
            _steps(axis, to_seed, edges, label, color=COLOURS[3], linestyle=LINES[0], linewidth=0.9)
        axis.axvline(0.9, linewidth=0.8, linestyle=":", color=COLOURS[-1])
        axis.set_xlabel("largest decoder cosine")
        axis.set_ylabel("share of features")
        axis.set_ylim(bottom=0.0)
        axis.legend(fontsize=7.5, loc="upper left", bbox_to_anchor=(0.0, -0.2))
    above = [f"{(one.cosine > 0.9).mean():.1%} of {one.of} has a partner in {one.found_in}" for one in pair]
    return Picture(
        figure,
        "Largest cosine, both ways",
        "Filled: how close each feature comes to its nearest in the other SAE. Lines: random directions in its place, "
        f"and other seeds. What lies right of the random lines is shared; beyond 0.9 (dotted), {'; '.join(above)}.",
    )


def _steps(axis: Any, closeness: Closeness, edges: Any, label: str, **look: Any) -> None:
    share = np.histogram(closeness.cosine, edges)[0] / len(closeness.cosine)
    axis.stairs(share, edges, label=label, **look)
