"""The windows a training reads, and those kept back to evaluate it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autointerp.corpus import Windows, build_windows, open_corpus
from autointerp.run import Progress
from autointerp.train._config import TrainingConfig
from autointerp.train._order import first_kept

if TYPE_CHECKING:
    from autointerp.subject import Subject


@dataclass(frozen=True)
class Text:
    """The corpus, parted."""

    training: Windows
    """The first windows, up to ``n_tokens``."""
    held_out: Windows | None
    """Windows of later documents that are no near-duplicates of training text; None where the corpus has none."""


def open_text(config: TrainingConfig, subject: Subject, folder: Path, progress: Progress) -> Text:
    """Cut the corpus into windows, unless the folder has them.

    Args:
        config: Which corpus, and how many tokens to train and to evaluate on.
        subject: Its tokenizer is used.
        folder: Where the windows are, or are to be.
        progress: Listener.

    Raises:
        UsageError: The corpus can't be read, or the settings don't fit the model.
    """
    if (folder / "meta.json").is_file():
        return part(Windows.open(folder), config)
    with progress.stage("windows", "tokens") as tick:
        windows = build_windows(
            open_corpus(config.corpus, column=config.column),
            subject,
            context_length=config.context_length,
            prepend_bos=config.prepend_bos,
            n_tokens=config.n_tokens + config.n_eval,
            out=folder,
            progress=tick,
        )
    return part(windows, config)


def part(windows: Windows, config: TrainingConfig) -> Text:
    """Part windows into those up to ``n_tokens``, the last one whole, and held-out ones after them.

    The first part is what the corpus would give if it were cut for ``n_tokens`` alone, whatever comes after it.
    """
    n_texts = np.asarray(windows.lengths) - int(windows.prepend_bos)
    n_training = min(int(np.searchsorted(np.cumsum(n_texts), config.n_tokens)) + 1, windows.n_windows)
    cluster = windows.documents["cluster"].to_numpy()[windows.document]
    held_out = ~np.isin(cluster, cluster[:n_training])
    held_out &= np.asarray(windows.lengths) > first_kept(windows, drop_bos=config.drop_bos)
    rows = np.flatnonzero(held_out)
    return Text(_chosen(windows, slice(n_training)), _chosen(windows, rows) if len(rows) else None)


def _chosen(windows: Windows, rows: NDArray[np.int64] | slice) -> Windows:
    """Some of the windows, as windows of their own."""
    lengths = windows.lengths[rows]
    return replace(
        windows,
        tokens=windows.tokens[rows],
        lengths=lengths,
        split=windows.split[rows],
        document=windows.document[rows],
        start=windows.start[rows],
        n_tokens=int(lengths.sum()) - len(lengths) * int(windows.prepend_bos),
    )
