"""Folders that are made whole or not at all, and never in the place of something else."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autointerp.errors import UsageError


def check_new_folder(path: Path) -> None:
    """Refuse a place where something is.

    Args:
        path: Where a folder is to be; an empty one may be there.

    Raises:
        UsageError: Something is there.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()) or (path.is_dir() and any(path.iterdir())):
        raise UsageError(f"{path}: something is already there. Choose another --out, or remove it.")


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Fill a folder beside ``path``, then move it there; on any error, Ctrl-C included, nothing is left.

    Args:
        path: Where the folder is to be.

    Yields:
        An empty folder, to be filled by the caller with files that are synced already.

    Raises:
        UsageError: Something is at ``path``.
    """
    check_new_folder(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp") as work:
        filled = Path(work) / "new"
        filled.mkdir()
        yield filled
        with contextlib.suppress(FileNotFoundError):
            path.rmdir()  # an empty folder; one that was filled meanwhile stays, and is said
        filled.rename(path)
