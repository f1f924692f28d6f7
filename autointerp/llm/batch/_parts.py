"""Many requests cut into batches that a service accepts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def parts(
    lines: Iterable[tuple[T, dict[str, Any]]], *, max_requests: int, max_bytes: int
) -> Iterator[list[tuple[T, dict[str, Any]]]]:
    """Cut, in order, each part as large as it may be.

    Args:
        lines: Requests as the service wants them, each with something to remember it by.
        max_requests: Of one part.
        max_bytes: Of one part, as JSON lines. A single larger request makes a part of its own.
    """
    part: list[tuple[T, dict[str, Any]]] = []
    n_bytes = 0
    for owner, line in lines:
        size = len(json.dumps(line)) + 1
        if part and (len(part) == max_requests or n_bytes + size > max_bytes):
            yield part
            part, n_bytes = [], 0
        part.append((owner, line))
        n_bytes += size
    if part:
        yield part
