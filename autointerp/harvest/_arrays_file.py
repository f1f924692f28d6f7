"""One file of named arrays: numpy's ``.npz``, uncompressed, without pickles."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.errors import UsageError
from autointerp.run import replace_atomically

VERSION = 1


def write_arrays(path: Path, head: str, arrays: dict[str, NDArray[Any]]) -> None:
    """Write atomically.

    Args:
        path: The file.
        head: Text that goes along.
        arrays: Name -> array.
    """
    with replace_atomically(path) as temporary, temporary.open("wb") as out:
        np.savez(out, allow_pickle=False, version=np.int64(VERSION), head=np.array(head), **arrays)


def read_arrays(path: Path) -> tuple[str, dict[str, NDArray[Any]]]:
    """Read what ``write_arrays`` wrote: the text, and the arrays by name.

    Raises:
        UsageError: The file is missing, broken or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        version, head = int(arrays.pop("version")), str(arrays.pop("head"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path}: can't be read ({error}). Remove it, and harvest again.") from error
    if version != VERSION:
        raise UsageError(f"{path}: version is {version}, this autointerp reads {VERSION}. Harvest again.")
    return head, arrays
