"""The text of a fine-tuning: what is tuned on, what is held out, and its activations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from autointerp.errors import UsageError
from autointerp.evaluate import Batch, Setting
from autointerp.harvest import HarvestConfig, counts_mask
from autointerp.run import Progress
from autointerp.verbs._inputs import Inputs
from autointerp.verbs._sites import open_sites

Rows = NDArray[np.int64]
"""Numbers of windows."""

HELD_OUT_SHARE = 0.1
"""Of the tokens that count, but no more than ``HELD_OUT_TOKENS``."""
HELD_OUT_TOKENS = 50_000


def open_text(opened: Inputs, keep_bos: bool | None, progress: Progress) -> Setting:
    """The text, with the positions that were asked for, or that the SAE was trained on as far as it says."""
    trained = opened.model.cfg.metadata.extra.get("training")
    if keep_bos is None:
        keep_bos = isinstance(trained, dict) and trained.get("drop_bos") is False
    return Setting(
        run=opened.run,
        sites=open_sites(opened, ()),
        windows=opened.windows,
        config=HarvestConfig(seed=opened.config.seed, keep_bos=keep_bos, skip_positions=0 if keep_bos else 1),
        n_tokens=opened.windows.n_tokens,
        progress=progress,
    )


def part(setting: Setting) -> tuple[Rows, Rows]:
    """Windows to tune on and held-out ones: no document lies on both sides, nor a near-duplicate of it.

    Raises:
        UsageError: There is nothing to hold out.
    """
    rows = np.arange(setting.windows.n_windows)
    counts = counts_mask(setting.windows, rows, setting.config).sum(axis=1)
    rows, counts = rows[counts > 0], counts[counts > 0]
    clusters = setting.clusters(rows)
    order = np.random.default_rng(setting.seed).permutation(np.unique(clusters))
    if len(order) < 2:
        raise UsageError("The text is one document, or its near-duplicates: nothing can be held out. Give more text.")
    sizes = np.bincount(clusters, weights=counts)[order]
    wanted = min(HELD_OUT_SHARE * counts.sum(), HELD_OUT_TOKENS)
    n_held_out = min(int(np.searchsorted(np.cumsum(sizes), wanted)) + 1, len(order) - 1)
    held_out = np.isin(clusters, order[:n_held_out])
    return rows[~held_out], rows[held_out]


def count_tokens(setting: Setting, rows: Rows) -> int:
    """How many tokens of some windows count."""
    return int(counts_mask(setting.windows, rows, setting.config).sum())


def read_once(setting: Setting, rows: Rows) -> Iterator[Tensor]:
    """Activations of the tokens that count, window by window, float32 [n, d_in] each."""
    for batch in setting.batches("activations", rows=rows):
        yield _activations(setting, batch)


def read_again(setting: Setting, rows: Rows, n_vectors: int) -> Iterator[Tensor]:
    """The same from windows in random order, again and again in new orders, until so many vectors were given."""
    rng, size, left = np.random.default_rng(setting.seed), setting.batch_windows, n_vectors
    while left:
        order = rng.permutation(rows)
        for at in range(0, len(order), size):
            x = _activations(setting, setting.batch(order[at : at + size]))[:left]
            left -= len(x)
            yield x
            if not left:
                break


def _activations(setting: Setting, batch: Batch) -> Tensor:
    return setting.subject.residuals(batch.tokens)[batch.kept].float()
