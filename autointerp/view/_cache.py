"""What took a model to compute, kept in the run directory under the name of everything that it depends on."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autointerp.run import write_text


def kept(folder: Path, name: str, depends_on: object, compute: Callable[[], Any]) -> Any:
    """A value from its file, or computed and written there.

    Args:
        folder: Where files lie; one that can't be written to is no error.
        name: What it is.
        depends_on: Everything that decides the value, as JSON.
        compute: Makes it, as JSON; what it raises is passed on, and nothing is written.
    """
    key = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:20]
    file = folder / f"{name}-{key}.json"
    with contextlib.suppress(OSError, ValueError):
        return json.loads(file.read_text(encoding="utf-8"))
    value = compute()
    with contextlib.suppress(OSError):
        write_text(file, json.dumps(value))
        for other in folder.glob(f"{name}-*.json"):
            if other != file:
                other.unlink(missing_ok=True)
    return value
