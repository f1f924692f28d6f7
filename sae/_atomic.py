"""Files that appear whole or not at all (the core stands alone, so it has its own small helper)."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError


@contextlib.contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Write beside ``path``, then move into place; on any error the old file stays and the new one is removed.

    Args:
        path: The file to create or replace; its folder exists.

    Yields:
        A temporary path in the same folder, to be written by the caller.

    Raises:
        OSError: The disk refuses, also where torch or safetensors say so in their own errors.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except (RuntimeError, SafetensorError) as error:
        raise OSError(errno.EIO, f"can't be written ({error})", str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
