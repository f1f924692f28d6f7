"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from autointerp.errors import UsageError


@contextlib.contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Write beside ``path``, then move into place; on any error the old file stays and the new one is removed.

    Args:
        path: The file to create or replace; its folder is made when missing. A link is replaced, not followed. A device
            or a pipe (``/dev/stdout``), which has no old content, is written to as it is.

    Yields:
        A temporary path in the same folder, to be written by the caller.

    Raises:
        UsageError: There is a folder of this name.
        OSError: The disk refuses; names ``path``.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder. Name a file.")
    with _named(path):
        if path.exists() and not path.is_file():
            yield path
            return
        with _beside(path) as temporary:
            yield temporary


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """A full disk does not say which file did not fit, a locked folder only names the temporary one."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename).endswith(".tmp"):
            error.filename = str(path)
        raise


def write_text(path: Path, text: str) -> None:
    """Replace a text file atomically (UTF-8; what UTF-8 can't hold is written as an escape)."""
    with (
        replace_atomically(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as out,
    ):
        _write(out, text)


def _write(out: IO[str], text: str) -> None:
    out.write(text)
    out.flush()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
