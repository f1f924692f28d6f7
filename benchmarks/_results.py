"""What every benchmark writes beside its numbers: when, on what, with which versions."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from autointerp.run import package_versions

RESULTS = Path(__file__).parents[1] / "results"


def write_result(name: str, figures: dict[str, object]) -> Path:
    """Write ``results/<name>.json``.

    Args:
        name: The benchmark's name.
        figures: Its numbers.

    Returns:
        The file.
    """
    stamp = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_processor()}",
        "versions": package_versions(),
    }
    file = RESULTS / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**stamp, **figures}, indent=2) + "\n", encoding="utf-8")
    return file


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"
