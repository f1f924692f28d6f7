"""What the harvest counted about a feature: its histogram, its positions, the tokens that it peaks on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.corpus import Windows
from autointerp.harvest import HISTOGRAM_EDGES, load_sketch, merge
from autointerp.run import RunDirectory


@dataclass(frozen=True)
class Sketches:
    """Both splits together. Shapes: F features, P position buckets, k strongest windows."""

    histogram: NDArray[np.int64]
    """[F, 66]: below the first edge, 64 bins, from the last edge on."""
    decile_edges: NDArray[np.float64]
    """[F, 9]"""
    max: NDArray[np.float32]
    """[F]"""
    n_active_at: NDArray[np.int64]
    """[F, P]"""
    n_tokens_at: NDArray[np.int64]
    """[P]"""
    n_positions: int
    """Positions of a window; P of them, or P equal buckets of them."""
    peak_tokens: NDArray[np.int64]
    """Token ids at the peaks of the strongest windows, [F, k]; -1 where a feature has fewer."""

    @classmethod
    def load(cls, run: RunDirectory, windows: Windows) -> Sketches:
        """Read the harvest's sketches.

        Raises:
            UsageError: They are not there, or can't be read.
        """
        both = merge(load_sketch(run, "explain"), load_sketch(run, "score"))
        top = both.top()
        tokens = np.asarray(windows.tokens)[np.maximum(top.window, 0), np.maximum(top.position, 0)].astype(np.int64)
        return cls(
            histogram=both.histogram,
            decile_edges=both.decile_edges(),
            max=both.max(),
            n_active_at=both.n_active_at,
            n_tokens_at=both.n_tokens_at,
            n_positions=both.spec.context_length,
            peak_tokens=np.where(top.window >= 0, tokens, -1),
        )

    def histogram_of(self, feature: int) -> dict[str, Any] | None:
        """Bins from the first to the last that is not empty, with the values between deciles; None without any."""
        counts = self.histogram[feature]
        filled = np.flatnonzero(counts)
        if not len(filled):
            return None
        first, last = int(filled[0]), int(filled[-1])
        largest = max(float(self.max[feature]), 2.0 * float(HISTOGRAM_EDGES[-1]))
        edges = [0.0, *HISTOGRAM_EDGES.tolist(), largest]
        return {
            "edges": edges[first : last + 2],
            "counts": counts[first : last + 1].tolist(),
            "deciles": self.decile_edges[feature].tolist(),
        }

    def positions_of(self, feature: int) -> dict[str, Any]:
        """Share of tokens at each position on which the feature is active; None where no token counted."""
        n = self.n_tokens_at
        share = np.divide(self.n_active_at[feature], n, out=np.full(len(n), np.nan), where=n > 0)
        return {"share_active": share.tolist(), "n": n.tolist(), "width": max(1, self.n_positions // len(n))}

    def top_tokens_of(self, feature: int) -> list[tuple[int, int]]:
        """Token ids at its strongest peaks with their counts, by falling count, then by strength."""
        peaks = self.peak_tokens[feature]
        ids, first, count = np.unique(peaks[peaks >= 0], return_index=True, return_counts=True)
        order = np.lexsort((first, -count))
        return [(int(ids[i]), int(count[i])) for i in order]
