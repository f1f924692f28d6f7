"""Folders that appear whole or not at all, and never in the place of something else."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autointerp.errors import UsageError
from autointerp.run import write_text

MARKER = ".autointerp-export.json"
"""In every exported folder: its format and its files, so that the next export knows what it may replace."""


@contextlib.contextmanager
def replace_folder(path: Path, *, form: str) -> Iterator[Path]:
    """Fill a folder beside ``path``, then move it into place; on any error what was there stays.

    Args:
        path: The folder to create, or to replace where it is empty or a previous export of the same format.
        form: The format's name.

    Yields:
        An empty folder, to be filled by the caller.

    Raises:
        UsageError: There is something else at ``path``.
    """
    _refuse_others(path, form)
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    try:
        new = work / "new"
        new.mkdir()
        yield new
        write_text(new / MARKER, json.dumps({"format": form, "files": _files(new)}, indent=2) + "\n")
        for name in _files(new):
            with (new / name).open("rb") as written:
                os.fsync(written.fileno())
        if path.exists():
            path.rename(work / "old")
        new.rename(path)
    finally:
        if (work / "old").exists() and not path.exists():
            (work / "old").rename(path)
        shutil.rmtree(work)


def _refuse_others(path: Path, form: str) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise UsageError(f"{path}: is not a folder, which --format {form} writes. Choose another --out.")
    present = _files(path)
    if not present:
        return
    try:
        marker = json.loads((path / MARKER).read_text(encoding="utf-8"))
        ours = {*marker["files"], MARKER} if marker["format"] == form else set()
    except (OSError, ValueError, KeyError, TypeError):
        ours = set()
    if others := [name for name in present if name not in ours]:
        raise UsageError(
            f"{path}: holds {others[0]}, which is not of a previous {form} export. Choose another --out, or empty it."
        )


def _files(folder: Path) -> list[str]:
    """Everything in a folder but folders, relative, sorted."""
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_symlink() or not file.is_dir())
