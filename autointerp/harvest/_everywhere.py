"""Some features' activations on whole windows: the pass again, with what the sketch forgets kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from autointerp.harvest._batches import batches, counts_mask, residuals
from autointerp.harvest._meta import HarvestMeta
from autointerp.run import RunDirectory

if TYPE_CHECKING:
    import sae
    from autointerp.corpus import Windows
    from autointerp.subject import Subject

_FEATURES_A_BLOCK = 128


@dataclass(frozen=True)
class Firings:
    """Every activation of some features on some windows, ordered by window, position, feature; all arrays [n]."""

    window: NDArray[np.int64]
    """Row of the run's windows."""
    position: NDArray[np.int64]
    feature: NDArray[np.int64]
    value: NDArray[np.float32]
    """Above zero."""


def find_firings(
    run: RunDirectory,
    features: Sequence[int],
    rows: NDArray[np.int64],
    *,
    model: sae.SAE,
    subject: Subject,
    windows: Windows,
    progress: Callable[[int, int], None] | None = None,
) -> Firings:
    """Run model and SAE over some windows again and keep where some features fire, on tokens that count in statistics.

    Args:
        run: Harvested.
        features: Which, each once.
        rows: Windows to read, ascending.
        model: The harvest's SAE.
        subject: The harvest's language model.
        windows: The harvest's windows.
        progress: Called with windows read and windows to read in all.

    Raises:
        MismatchError: The inputs are not those of the harvest.
    """
    recorded = HarvestMeta.read(run.harvest / "meta.json")
    now = HarvestMeta.of(model=model, subject=subject, windows=windows, config=recorded.config)
    now.compare(recorded, where=str(run.harvest))
    ids = np.asarray(sorted(features), np.int64)
    parts: list[tuple[NDArray[np.generic], ...]] = []
    done = 0
    for batch in batches(windows, rows, recorded.config.batch_windows):
        n = len(batch.windows)
        acts = _activations(residuals(subject, batch), ids, model)  # [b * t, features]
        acts = acts.reshape(*batch.tokens.shape, len(ids))[:n]  # [n, t, features]
        row, position, column = np.nonzero((acts > 0) & counts_mask(windows, batch.windows, recorded.config)[..., None])
        parts.append((batch.windows[row], position, ids[column], acts[row, position, column]))
        done += n
        if progress is not None:
            progress(done, len(rows))
    if not parts:
        nowhere = np.empty(0, np.int64)
        return Firings(nowhere, nowhere, nowhere, np.empty(0, np.float32))
    return Firings(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@torch.no_grad()
def _activations(x: torch.Tensor, features: NDArray[np.int64], model: sae.SAE) -> NDArray[np.float32]:
    """Activations [tokens, features] of residuals [tokens, d], a block of features at a time."""
    x = x.to(model.device)
    blocks = [
        model.encode_features(x, torch.from_numpy(features[at : at + _FEATURES_A_BLOCK])).float().cpu().numpy()
        for at in range(0, len(features), _FEATURES_A_BLOCK)
    ]
    found: NDArray[np.float32] = np.concatenate(blocks, axis=1) if blocks else np.empty((len(x), 0), np.float32)
    return found
