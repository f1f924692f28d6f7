"""One writer a run directory."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from autointerp.errors import UsageError


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the run directory's lock.

    The lock is the operating system's (``flock``) on ``.lock``, so it goes with the process, however that ends.

    Args:
        path: The run directory; made when missing.

    Raises:
        UsageError: Another process holds it; names its pid and host.
    """
    import fcntl

    path.mkdir(parents=True, exist_ok=True)
    file = path / ".lock"
    with file.open("a+", encoding="utf-8") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held.seek(0)
            owner = held.read().strip() or "another process"
            raise UsageError(f"{path}: in use by {owner}. Wait for it, or stop it.") from error
        held.seek(0)
        held.truncate()
        held.write(f"pid {os.getpid()} on {socket.gethostname()}")
        held.flush()
        yield
