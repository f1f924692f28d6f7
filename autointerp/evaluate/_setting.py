"""What a suite of measurements is given: SAEs at their places in the model, text, and how much of it to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import sae
from autointerp.corpus import Windows
from autointerp.errors import UsageError
from autointerp.evaluate._firings import Firings, collect_firings
from autointerp.harvest import FeatureSketch, HarvestConfig, counts_mask, load_sketch, merge
from autointerp.run import Progress, RunDirectory
from autointerp.subject import BridgeSubject

FIRINGS_TOKENS = 50_000
"""Enough for the suites that look at single activations; memory grows with it."""
MEAN_TOKENS = 50_000
"""Enough for the mean activation: its squared error is then the variance over as many."""


@dataclass(frozen=True)
class Site:
    """An SAE where it reads."""

    name: str
    """Short and unique among the sites: heads columns, labels curves."""
    model: sae.SAE
    subject: BridgeSubject
    """The language model, with the SAE's hook point picked out."""


@dataclass(frozen=True)
class Batch:
    """Windows for one model call."""

    rows: NDArray[np.int64]
    """Numbers of the windows, [b]."""
    tokens: Tensor
    """int64 [b, t], padded on the right."""
    lengths: Tensor
    """int64 [b]: real tokens of each window, BOS included."""
    kept: Tensor
    """bool [b, t]: tokens that count: not padding, nor BOS and the first positions unless they were asked for."""

    def spread(self, values: Tensor) -> Tensor:
        """Put one value for each token that counts, [n], at its place, [b, t]; 0 elsewhere."""
        placed = values.new_zeros(self.kept.shape)
        placed[self.kept] = values
        return placed


@dataclass(frozen=True)
class Setting:
    """One evaluation: what every suite measures on."""

    run: RunDirectory
    sites: tuple[Site, ...]
    """The SAE under study first; others are there for the suites that compare."""
    windows: Windows
    config: HarvestConfig
    """Which tokens count, and the seed, as in a harvest."""
    n_tokens: int
    """Tokens to read at most, of those that count."""
    progress: Progress
    batch_windows: int = 32

    @property
    def model(self) -> sae.SAE:
        """The SAE under study."""
        return self.sites[0].model

    @property
    def subject(self) -> BridgeSubject:
        """The language model at that SAE's hook point."""
        return self.sites[0].subject

    @property
    def seed(self) -> int:
        """Of every random choice."""
        return self.config.seed

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Windows to read: drawn at random, as many as hold ``n_tokens`` tokens that count; [n].

        Raises:
            UsageError: No window holds a token that counts.
        """
        order = np.random.default_rng(self.seed).permutation(self.windows.n_windows)
        counts = counts_mask(self.windows, order, self.config).sum(axis=1)
        order, counts = order[counts > 0], counts[counts > 0]
        if not len(order):
            raise UsageError("No window holds a token that counts. Use longer texts, or --keep-bos.")
        chosen: NDArray[np.int64] = order[: int(np.searchsorted(np.cumsum(counts), self.n_tokens)) + 1]
        return chosen

    def at_most(self, n_tokens: int) -> Setting:
        """The same, with fewer tokens."""
        return replace(self, n_tokens=min(n_tokens, self.n_tokens))

    def batches(self, stage: str, *, rows: NDArray[np.int64] | None = None) -> Iterator[Batch]:
        """The chosen windows in batches, with progress.

        Args:
            stage: What the progress line says.
            rows: Other windows than ``self.rows``.
        """
        rows = self.rows if rows is None else rows
        with self.progress.stage(stage, "windows") as tick:
            for at in range(0, len(rows), self.batch_windows):
                yield self.batch(rows[at : at + self.batch_windows])
                tick(min(at + self.batch_windows, len(rows)), len(rows))

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """Some windows, on the model's device.

        Args:
            rows: Numbers of the windows, [b].
        """
        device = self.subject.device
        return Batch(
            rows=rows,
            tokens=torch.from_numpy(np.asarray(self.windows.tokens)[rows].astype(np.int64)).to(device),
            lengths=torch.from_numpy(np.asarray(self.windows.lengths)[rows].astype(np.int64)).to(device),
            kept=torch.from_numpy(counts_mask(self.windows, rows, self.config)).to(device),
        )

    def clusters(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which cluster of near-duplicate documents each window comes from, [b]: what errors are computed over."""
        documents = np.asarray(self.windows.document)[rows]
        found: NDArray[np.int64] = self.windows.documents["cluster"].to_numpy(np.int64)[documents]
        return found

    def smaller(self, n_tokens: int) -> Setting:
        """The same with fewer tokens to read, where fewer are enough; they are the first of these."""
        return replace(self, n_tokens=min(self.n_tokens, n_tokens))

    @cached_property
    def selected(self) -> list[int]:
        """The features that the run selected to be labelled, ascending; none where it has not."""
        groups = self.run.read_manifest().config.get("groups") if self.run.exists else None
        return sorted({int(feature) for ids in groups.values() for feature in ids}) if isinstance(groups, dict) else []

    @cached_property
    def firings(self) -> Firings:
        """Every activation on up to 50,000 tokens that count and those before them: made once for all suites."""
        few = self.smaller(FIRINGS_TOKENS)
        return collect_firings(few.batches("activations"), self.model, self.subject, self.clusters)

    @cached_property
    def mean_activation(self) -> Tensor:
        """Mean of what the SAE reads, over up to 50,000 tokens that count; float64 [d]."""
        total, n = torch.zeros(self.subject.d_model, dtype=torch.float64, device=self.subject.device), 0
        for batch in self.smaller(MEAN_TOKENS).batches("mean activation"):
            x = self.subject.residuals(batch.tokens)[batch.kept]  # [n, d]
            total += x.double().sum(dim=0)
            n += len(x)
        return total / n

    @cached_property
    def sketch(self) -> FeatureSketch:
        """The run's harvest, both halves of the text together (of all its windows, not only ``rows``)."""
        return merge(load_sketch(self.run, "explain"), load_sketch(self.run, "score"))
