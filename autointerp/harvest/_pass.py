"""The pass over the text: windows in, one sketch a split out, resumable by shard."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from autointerp.errors import UsageError
from autointerp.harvest._batches import SPLITS, Batch, Shard, batches, counts_mask, list_shards, residuals
from autointerp.harvest._config import HarvestConfig
from autointerp.harvest._context import Split
from autointerp.harvest._features import write_features
from autointerp.harvest._meta import HarvestMeta
from autointerp.harvest._sketch import FeatureSketch
from autointerp.harvest._spec import SketchSpec
from autointerp.run import RunDirectory

if TYPE_CHECKING:
    import sae
    from autointerp.corpus import Windows
    from autointerp.subject import Subject

Progress = Callable[[int, int], None]
"""Called with what is done and what there is in all."""

CHECKPOINT_S = 20.0
"""Finished shards wait at most about this long to be written."""
_CHECKPOINT_SHARE = 0.05


def harvest(
    run: RunDirectory,
    *,
    model: sae.SAE,
    subject: Subject,
    windows: Windows,
    config: HarvestConfig,
    progress: Progress | None = None,
    checkpoint_s: float = CHECKPOINT_S,
) -> None:
    """Collect every feature's statistics over all windows; writes the sketches and ``features.parquet``.

    Finished shards are written every ``checkpoint_s`` (later, where writing would take over 5 % of the time), so a
    harvest that was stopped goes on from there and ends with the same bytes as one that wasn't.

    Args:
        run: Where to write.
        model: The SAE.
        subject: The language model, at the SAE's hook point.
        windows: The text, as windows of one model's tokens.
        config: How to collect.
        progress: Called with tokens done and tokens in all, BOS and padding left out.
        checkpoint_s: Seconds between checkpoints.

    Raises:
        MismatchError: The run directory holds a harvest of other inputs.
        UsageError: An activation is not finite or out of range; names the window.
    """
    meta = HarvestMeta.of(model=model, subject=subject, windows=windows, config=config)
    meta.record(run.harvest / "meta.json")
    report = _Progress(windows, progress)
    sketches = []
    for split in SPLITS:
        path = sketch_path(run, split)
        sketch = _resume(path, meta.spec())
        checkpoint = _Checkpoint(path, checkpoint_s)
        for shard in list_shards(windows, config, [split]):
            if shard.name in sketch.shards:
                report.add(shard.windows)
                continue
            _collect(sketch, shard, model=model, subject=subject, windows=windows, config=config, report=report)
            checkpoint.maybe(sketch)
        checkpoint.write(sketch)
        sketches.append(sketch)
    write_features(run, *sketches, model=model, subject=subject, windows=windows)


def sketch_shard(
    shard: Shard, *, model: sae.SAE, subject: Subject, windows: Windows, config: HarvestConfig
) -> FeatureSketch:
    """The sketch of one shard, with nothing read or written: what a worker computes, to be merged by anyone.

    Raises:
        UsageError: An activation is not finite or out of range; names the window.
    """
    meta = HarvestMeta.of(model=model, subject=subject, windows=windows, config=config)
    sketch = FeatureSketch(meta.spec())
    report = _Progress(windows, None)
    _collect(sketch, shard, model=model, subject=subject, windows=windows, config=config, report=report)
    return sketch


def sketch_path(run: RunDirectory, split: Split) -> Path:
    """Where a split's sketch lies."""
    return run.harvest / f"{split}.npz"


def load_sketch(run: RunDirectory, split: Split) -> FeatureSketch:
    """The sketch of one split.

    Raises:
        UsageError: There is none, or it can't be read.
    """
    return FeatureSketch.load(sketch_path(run, split))


def _resume(path: Path, spec: SketchSpec) -> FeatureSketch:
    sketch = FeatureSketch.load(path) if path.exists() else FeatureSketch(spec)
    if sketch.spec != spec:
        raise UsageError(f"{path}: is not of the harvest that meta.json describes. Remove {path.parent}.")
    return sketch


def _collect(
    sketch: FeatureSketch,
    shard: Shard,
    *,
    model: sae.SAE,
    subject: Subject,
    windows: Windows,
    config: HarvestConfig,
    report: _Progress,
) -> None:
    for batch in batches(windows, shard.windows, config.batch_windows):
        _add_batch(sketch, batch, model=model, subject=subject, windows=windows, config=config)
        report.add(batch.windows)
    sketch.add_shard(shard.name)


def _add_batch(
    sketch: FeatureSketch, batch: Batch, *, model: sae.SAE, subject: Subject, windows: Windows, config: HarvestConfig
) -> None:
    """Run the model and the SAE on one batch, and add what is active on tokens that count."""
    n_rows = len(batch.windows)
    mask = counts_mask(windows, batch.windows, config)  # [n_rows, t]
    x = residuals(subject, batch)  # [b * t, d]
    _check_finite(x[: mask.size], mask, batch)
    acts = model.encode_sparse(x.to(model.device))
    row, feature, value = (a.cpu().numpy() for a in (acts.row, acts.feature, acts.value))
    counted = np.zeros(acts.n_rows, np.bool_)
    counted[: mask.size] = mask.ravel()
    kept = counted[row]
    if not kept.all():
        row, feature, value = row[kept], feature[kept], value[kept]
    slot, position = np.divmod(np.arange(n_rows * windows.context_length), windows.context_length)
    sketch.update(batch.windows[slot][row], position[row], feature, value, token_positions=position[mask.ravel()])


def _check_finite(x: torch.Tensor, mask: np.ndarray, batch: Batch) -> None:
    # A sum is finite only if all its terms are; one pass, and no array of booleans the size of x.
    finite = torch.isfinite(x.sum(dim=-1)).cpu().numpy().reshape(mask.shape)  # [rows * t] -> [rows, t]
    if not finite[mask].all():
        row, position = np.argwhere(mask & ~finite)[0]
        raise UsageError(
            f"Window {batch.windows[row]}, position {position}: the residual at the hook point is not finite. "
            "Check the model's weights and dtype."
        )


class _Progress:
    """Counts real tokens, without BOS and padding."""

    def __init__(self, windows: Windows, callback: Progress | None) -> None:
        self._real = np.asarray(windows.lengths).astype(np.int64) - int(windows.prepend_bos)
        self._callback = callback
        self._done, self._total = 0, int(self._real.sum())

    def add(self, rows: np.ndarray) -> None:
        self._done += int(self._real[rows].sum())
        if self._callback is not None:
            self._callback(self._done, self._total)


class _Checkpoint:
    """Writes a sketch now and then, and never for more than a small share of the time."""

    def __init__(self, path: Path, every_s: float) -> None:
        self._path, self._every_s = path, every_s
        self._due = time.monotonic() + every_s

    def maybe(self, sketch: FeatureSketch) -> None:
        if time.monotonic() >= self._due:
            self.write(sketch)

    def write(self, sketch: FeatureSketch) -> None:
        began = time.monotonic()
        sketch.save(self._path)
        ended = time.monotonic()
        self._due = ended + max(self._every_s, (ended - began) / _CHECKPOINT_SHARE)
