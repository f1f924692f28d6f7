"""The subject model's activations as a stream of [n, d_in] tensors, ready for a shuffling buffer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from autointerp.corpus import Windows
from autointerp.subject import Subject


def stream_activations(
    subject: Subject, windows: Windows, *, batch_windows: int = 32, drop_bos: bool = True, n_vectors: int, seed: int = 0
) -> Iterator[Tensor]:
    """Run the model over the windows in a random order, again and again in new orders, until enough were given.

    Args:
        subject: Gives residuals at its hook point.
        windows: The corpus; both splits are trained on, since labels are tested across splits and not the SAE.
        batch_windows: Windows a forward pass.
        drop_bos: Leave out BOS and the first position of each window.
        n_vectors: Activations to give in all.
        seed: Of the orders.

    Yields:
        [n, d_in] activations of one batch of windows, padding left out.
    """
    rng = np.random.default_rng(seed)
    skip = (1 + int(windows.prepend_bos)) if drop_bos else 0
    columns = np.arange(windows.tokens.shape[1])
    given = 0
    while given < n_vectors:
        order = rng.permutation(len(windows.lengths))
        for start in range(0, len(order), batch_windows):
            rows = order[start : start + batch_windows]
            residuals = subject.residuals(torch.from_numpy(windows.tokens[rows].astype(np.int64)))  # [b, t, d]
            real = (columns >= skip) & (columns < windows.lengths[rows][:, None])  # [b, t]
            kept = residuals[torch.from_numpy(real).to(residuals.device)].float()  # [n, d]
            kept = kept[: n_vectors - given]
            given += len(kept)
            yield kept
            if given >= n_vectors:
                return
