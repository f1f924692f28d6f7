"""Shards of windows, their batches of one fixed shape, and which tokens count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from autointerp.harvest._context import Split

if TYPE_CHECKING:
    from autointerp.corpus import Windows
    from autointerp.harvest._config import HarvestConfig
    from autointerp.subject import Subject

SPLITS: tuple[Split, ...] = ("explain", "score")
"""In the order of their numbers in ``Windows.split``."""


@dataclass(frozen=True)
class Shard:
    """Some windows of one split: a unit of work that can run anywhere."""

    name: str
    """Split and number, as ``explain:0003``."""
    windows: NDArray[np.int64]
    """Rows of the windows, ascending."""


@dataclass(frozen=True)
class Batch:
    """Windows for one model call; its shape [b, t] is always the same, filled up with copies of the last window."""

    windows: NDArray[np.int64]
    """Rows of the real windows, [at most b]."""
    tokens: torch.Tensor
    """int64 [b, t]."""


def list_shards(windows: Windows, config: HarvestConfig, splits: Sequence[Split] = SPLITS) -> list[Shard]:
    """Cut each split into shards of ``config.shard_windows`` windows."""
    shards = []
    for split in splits:
        rows = np.flatnonzero(np.asarray(windows.split) == SPLITS.index(split))
        for i, at in enumerate(range(0, len(rows), config.shard_windows)):
            shards.append(Shard(f"{split}:{i:04d}", rows[at : at + config.shard_windows]))
    return shards


def batches(windows: Windows, rows: NDArray[np.int64], size: int) -> Iterator[Batch]:
    """Batches of ``size`` windows, in the order given."""
    tokens = np.asarray(windows.tokens if windows.model_reads is None else windows.model_reads)
    for at in range(0, len(rows), size):
        chosen = rows[at : at + size]
        padded = np.concatenate([chosen, np.repeat(chosen[-1:], size - len(chosen))])
        yield Batch(chosen, torch.from_numpy(tokens[padded].astype(np.int64)))


def counts_mask(windows: Windows, rows: NDArray[np.int64], config: HarvestConfig) -> NDArray[np.bool_]:
    """Which tokens of some windows count in statistics: not padding, BOS or the first ``skip_positions`` real ones.

    Args:
        windows: All of them.
        rows: Which, [n].
        config: ``keep_bos`` lets the BOS count all the same.

    Returns:
        [n, context_length].
    """
    position = np.arange(windows.context_length)
    n_bos = int(windows.prepend_bos)
    counts = position >= n_bos + config.skip_positions
    if config.keep_bos:
        counts |= position < n_bos
    mask: NDArray[np.bool_] = counts & (position < np.asarray(windows.lengths)[rows, None])
    return mask


@torch.no_grad()
def residuals(subject: Subject, batch: Batch) -> torch.Tensor:
    """The subject's activations on a batch, flattened to [b * t, d]."""
    return subject.residuals(batch.tokens).flatten(0, 1)
