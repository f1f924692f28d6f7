"""The subject model's activations as a stream of [n, d_in] tensors, ready for a shuffling buffer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autointerp.corpus import Windows
from autointerp.subject import Subject
from autointerp.train._order import BATCH_WINDOWS, count_kept, draws, first_kept


def stream_activations(
    subject: Subject,
    windows: Windows,
    *,
    batch_windows: int = BATCH_WINDOWS,
    drop_bos: bool = True,
    n_vectors: int,
    seed: int = 0,
    skip: int = 0,
) -> Iterator[Tensor]:
    """Run the model over the windows in a random order, again and again in new orders, until enough were given.

    Args:
        subject: Gives residuals at its hook point.
        windows: The corpus; both splits are trained on, since labels are tested across splits and not the SAE.
        batch_windows: Windows a forward pass.
        drop_bos: Leave out BOS and the first position of each window.
        n_vectors: Activations in all, the skipped ones among them.
        seed: Of the orders.
        skip: Activations at the front to leave out: the stream goes on where an earlier one had given so many, with
            the same bits. The model does not run on batches that are skipped whole.

    Yields:
        [n, d_in] activations of one batch of windows, padding left out.

    Raises:
        UsageError: No window is long enough.
    """
    counts = count_kept(windows, drop_bos=drop_bos)
    for draw in draws(counts, n_vectors=n_vectors, skip=skip, batch_windows=batch_windows, seed=seed):
        yield kept_activations(subject, windows, draw.rows, drop_bos=drop_bos)[draw.wanted]


def kept_activations(subject: Subject, windows: Windows, rows: NDArray[np.int64], *, drop_bos: bool) -> Tensor:
    """Run the model over some windows and keep the vectors that are trained on.

    Args:
        subject: Gives residuals at its hook point.
        windows: The corpus.
        rows: Numbers of the windows, [b].
        drop_bos: Leave out BOS and the first position of each window.

    Returns:
        float32 [n, d_in], one window after the other.
    """
    columns = np.arange(windows.tokens.shape[1])
    residuals = subject.residuals(torch.from_numpy(windows.tokens[rows].astype(np.int64)))  # [b, t, d]
    start = first_kept(windows, drop_bos=drop_bos)
    kept = (columns >= start) & (columns < windows.lengths[rows][:, None])  # [b, t]
    return residuals[torch.from_numpy(kept).to(residuals.device)].float()  # [n, d]
