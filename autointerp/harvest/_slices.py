"""Slices of windows, and a feature's activations on them: the model run again over just the windows needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from autointerp.harvest._batches import batches, residuals
from autointerp.harvest._config import ContextConfig

if TYPE_CHECKING:
    import sae
    from autointerp.corpus import Windows
    from autointerp.subject import Subject

I64 = NDArray[np.int64]
_FEATURES_A_BLOCK = 128


@dataclass(frozen=True)
class Slices:
    """A slice of a window around a position, for a feature; all arrays [n]."""

    feature: I64
    window: I64
    position: I64
    begin: I64
    """First position shown: never the BOS."""
    end: I64
    """One past the last position shown: never padding."""

    @classmethod
    def around(cls, feature: I64, place: I64, *, windows: Windows, config: ContextConfig) -> Slices:
        """Slices around places.

        Args:
            feature: [n].
            place: ``window * context_length + position``, [n]; a real token, not the BOS.
            windows: What the places lie in.
            config: Says how wide.
        """
        window, position = np.divmod(place, windows.context_length)
        begin = np.maximum(position - config.before, int(windows.prepend_bos))
        end = np.minimum(position + config.after + 1, np.asarray(windows.lengths)[window].astype(np.int64))
        return cls(feature, window, position, begin, end)

    @property
    def peak(self) -> I64:
        """Index of the position within its slice."""
        return self.position - self.begin


def read_activations(
    slices: Slices,
    *,
    model: sae.SAE,
    subject: Subject,
    windows: Windows,
    batch_windows: int,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Each slice's activations of its own feature.

    Batches have the harvest's shape and features are encoded in blocks of one size, so that a number does not depend on
    what else is read with it. Only slices are kept, never windows times features.

    Args:
        slices: What to read.
        model: The SAE.
        subject: The language model.
        windows: The text.
        batch_windows: Windows a model call.
        progress: Called with windows done and windows in all.

    Returns:
        [n, longest slice], zero past a slice's end.
    """
    width = int((slices.end - slices.begin).max(initial=0))
    found = np.zeros((len(slices.feature), width), np.float32)
    needed = np.unique(slices.window)
    order = np.argsort(slices.window, kind="stable")
    bounds = np.searchsorted(slices.window[order], needed)
    done = 0
    for batch in batches(windows, needed, batch_windows):
        after = done + len(batch.windows)
        stop = bounds[after] if after < len(needed) else len(order)
        rows = order[bounds[done] : stop]
        first = np.searchsorted(batch.windows, slices.window[rows]) * windows.context_length + slices.begin[rows]
        x = residuals(subject, batch).to(model.device)
        _read_batch(found, slices, rows, x, first=first, model=model)
        done = after
        if progress is not None:
            progress(done, len(needed))
    return found


@torch.no_grad()
def _read_batch(
    found: NDArray[np.float32], slices: Slices, rows: I64, x: torch.Tensor, *, first: I64, model: sae.SAE
) -> None:
    """Fill in the slices ``rows``, whose first tokens are the rows ``first`` of ``x`` [b * t, d]."""
    offset = np.arange(found.shape[1])
    features, which = np.unique(slices.feature[rows], return_inverse=True)
    for at in range(0, len(features), _FEATURES_A_BLOCK):
        block = features[at : at + _FEATURES_A_BLOCK]
        padded = np.concatenate([block, np.repeat(block[-1:], _FEATURES_A_BLOCK - len(block))])
        acts = model.encode_features(x, torch.from_numpy(padded)).float().cpu().numpy()  # [b * t, block]
        mine = np.flatnonzero((which >= at) & (which < at + _FEATURES_A_BLOCK))
        inside = offset < (slices.end - slices.begin)[rows[mine], None]  # [mine, width]
        token = np.where(inside, first[mine, None] + offset, 0)
        found[rows[mine]] = np.where(inside, acts[token, (which[mine] - at)[:, None]], 0.0)
