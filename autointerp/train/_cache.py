"""Activations computed once, kept on a disk, and read by any number of trainings."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autointerp.errors import UsageError
from autointerp.run import Progress, Silence, exclusive
from autointerp.train._activations import kept_activations
from autointerp.train._cache_meta import CacheDtype, CacheKey, CacheMeta
from autointerp.train._order import BATCH_WINDOWS, count_kept, draws

if TYPE_CHECKING:
    from autointerp.corpus import Windows
    from autointerp.subject import Subject

META_FILE = "meta.json"
DATA_FILE = "activations.bin"
SHARD_WINDOWS = 512
"""Windows after which the file is synced and its growth recorded: what a killed process loses at most."""


@dataclass(frozen=True, eq=False)
class ActivationCache:
    """All activations of a corpus, memory-mapped; windows lie in their own order."""

    vectors: NDArray[np.floating]
    """[n, d_in], float16 or float32."""
    counts: NDArray[np.int64]
    """[n_windows]: vectors of each window."""

    def stream(
        self, *, n_vectors: int, seed: int = 0, skip: int = 0, batch_windows: int = BATCH_WINDOWS
    ) -> Iterator[Tensor]:
        """Give activations in the order of ``stream_activations``, without running the model.

        Args:
            n_vectors: Activations in all, the skipped ones among them.
            seed: Of the orders.
            skip: Activations at the front to leave out.
            batch_windows: Windows read together.

        Yields:
            float32 [n, d_in].
        """
        ends = np.cumsum(self.counts)
        for draw in draws(self.counts, n_vectors=n_vectors, skip=skip, batch_windows=batch_windows, seed=seed):
            pieces = [self.vectors[ends[row] - self.counts[row] : ends[row]] for row in draw.rows]
            yield torch.from_numpy(np.concatenate(pieces)[draw.wanted]).float()


def cache_activations(
    subject: Subject,
    windows: Windows,
    folder: Path,
    *,
    drop_bos: bool = True,
    dtype: CacheDtype = "float32",
    progress: Progress | None = None,
) -> ActivationCache:
    """Open a folder of cached activations; compute first what it lacks.

    A process that is stopped, in any way, loses the last ``SHARD_WINDOWS`` windows at most; the next call goes on from
    there and ends with the same bytes.

    Args:
        subject: Gives residuals at its hook point.
        windows: The corpus.
        folder: Where they are, or are to be; made when missing.
        drop_bos: Leave out BOS and the first position of each window.
        dtype: Of the numbers on the disk; ``float16`` needs half the room and keeps 3 digits.
        progress: Told the size before anything is written, then how far it is.

    Returns:
        The cache, complete.

    Raises:
        MismatchError: The folder holds activations of another model, hook point, weight processing, corpus, choice of
            positions or dtype; names both values.
        UsageError: The folder is a file, the disk lacks the room, another process is writing here, a file is damaged,
            or an activation can't be kept in this dtype.
    """
    progress = progress or Silence()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file. Name a folder with 'cache'.")
    key = CacheKey.of(subject, windows, drop_bos=drop_bos, dtype=dtype)
    counts = count_kept(windows, drop_bos=drop_bos)
    meta = _read_meta(folder, key, d_in=subject.d_model, n_windows=len(counts))
    if not meta.is_complete:
        with exclusive(folder):
            meta = _read_meta(folder, key, d_in=subject.d_model, n_windows=len(counts))
            _complete(folder, meta, counts, subject=subject, windows=windows, progress=progress)
    file, shape = folder / DATA_FILE, (int(counts.sum()), subject.d_model)
    _check_size(file, at_least=_n_bytes(shape[0], meta))
    return ActivationCache(np.memmap(file, dtype=dtype, mode="r", shape=shape), counts)


def _read_meta(folder: Path, key: CacheKey, *, d_in: int, n_windows: int) -> CacheMeta:
    path = folder / META_FILE
    if not path.exists():
        return CacheMeta(key=key, d_in=d_in, n_windows=n_windows)
    meta = CacheMeta.read(path)
    meta.check(key, where=folder)
    return meta


def _complete(
    folder: Path, meta: CacheMeta, counts: NDArray[np.int64], *, subject: Subject, windows: Windows, progress: Progress
) -> None:
    """Compute the windows that are not done, and append them to the file."""
    total, done = int(counts.sum()), int(counts[: meta.n_windows_done].sum())
    _check_room(folder, meta, total=total, done=done, progress=progress)
    file = folder / DATA_FILE
    _check_size(file, at_least=_n_bytes(done, meta))
    with progress.stage("activations", "vectors") as tick, _naming(file), file.open("ab") as out:
        out.truncate(_n_bytes(done, meta))
        for start in range(meta.n_windows_done, meta.n_windows, BATCH_WINDOWS):
            rows = np.arange(start, min(start + BATCH_WINDOWS, meta.n_windows))
            # One shape for every call: a window's numbers may depend on how many others came with it.
            filled = np.concatenate([rows, np.repeat(rows[-1:], BATCH_WINDOWS - len(rows))])
            n_here = int(counts[rows].sum())
            vectors = kept_activations(subject, windows, filled, drop_bos=meta.key.drop_bos)[:n_here]
            out.write(_on_disk(vectors, meta.key.dtype, f"{folder}: windows {rows[0]} to {rows[-1]}"))
            done += n_here
            tick(done, total)
            stop = int(rows[-1]) + 1
            if stop % SHARD_WINDOWS == 0 or stop == meta.n_windows:
                out.flush()
                os.fsync(out.fileno())
                meta.model_copy(update={"n_windows_done": stop}).write(folder / META_FILE)


@contextlib.contextmanager
def _naming(file: Path) -> Iterator[None]:
    """A full disk does not say which file did not fit."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(file)
        raise


def _on_disk(vectors: Tensor, dtype: CacheDtype, where: str) -> bytes:
    rounded = vectors.cpu().to(getattr(torch, dtype))
    if not bool(torch.isfinite(rounded).all()):
        largest = float(vectors.abs().max())
        hint = "Use cache_dtype = 'float32'." if dtype == "float16" else "The model itself gives these."
        raise UsageError(f"{where} have activations that {dtype} can't hold (the largest is {largest:g}). {hint}")
    return rounded.contiguous().numpy().tobytes()


def _check_room(folder: Path, meta: CacheMeta, *, total: int, done: int, progress: Progress) -> None:
    """Say what will be written, unless it does not fit."""
    size, missing = _n_bytes(total, meta), _n_bytes(total - done, meta)
    free = shutil.disk_usage(folder).free
    what = f"{folder}: {total:,} activations of {meta.d_in} {meta.key.dtype} numbers take {_gib(size)} on the disk"
    if missing > free:
        raise UsageError(
            f"{what}, {_gib(missing)} more than now, and only {_gib(free)} are free. Cache fewer tokens or in "
            "float16, name another folder, or leave 'cache' out: then they are computed as training needs them."
        )
    kept = f", {_gib(size - missing)} of it there" if done else ""
    progress.say(f"{what}{kept} ({_gib(free)} are free).")


def _check_size(file: Path, *, at_least: int) -> None:
    found = file.stat().st_size if file.exists() else 0
    if found < at_least:
        raise UsageError(
            f"{file}: damaged: {found:,} bytes, of at least {at_least:,}. Remove {file.parent} to cache again."
        )


def _n_bytes(n_vectors: int, meta: CacheMeta) -> int:
    return n_vectors * meta.d_in * np.dtype(meta.key.dtype).itemsize


def _gib(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.2f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.1f} MiB"
