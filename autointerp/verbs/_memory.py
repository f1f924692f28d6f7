"""How much memory there is to take."""

from __future__ import annotations

import os
from pathlib import Path

MEMORY_INFO = Path("/proc/meminfo")
CONTROL_GROUP = Path("/sys/fs/cgroup")


def free_bytes() -> int:
    """Memory that this process may still take: what the system says is available, or less where a container ends.

    Systems that don't say have all their memory counted.
    """
    return min(_system(), _container())


def _system() -> int:
    available = _numbers(MEMORY_INFO).get("MemAvailable:")
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if available is None else available * 1024


def _container() -> int:
    """What the limit of a control group (version 2) leaves; files in memory that may go don't count as taken."""
    try:
        limit, current = (int((CONTROL_GROUP / f"memory.{name}").read_text("ascii")) for name in ("max", "current"))
    except (OSError, ValueError):  # there is none, or it says "max"
        return 2**63
    return max(0, limit - current + _numbers(CONTROL_GROUP / "memory.stat").get("inactive_file", 0))


def _numbers(file: Path) -> dict[str, int]:
    """First number of each line by its first word; nothing where there is no such file."""
    if not file.exists():
        return {}
    words = [line.split() for line in file.read_text("ascii").splitlines()]
    return {line[0]: int(line[1]) for line in words if len(line) > 1}
