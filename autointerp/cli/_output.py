"""What verbs print: data on stdout, the verdict as the last line on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path


def read_summary(run: Path) -> dict[str, object]:
    """The run's ``summary.json``."""
    from autointerp.run import RunDirectory

    summary: dict[str, object] = json.loads(RunDirectory(run).summary.read_text(encoding="utf-8"))
    return summary


def print_result(run: Path, *, as_json: bool, verdict: str) -> None:
    """The run's path (or its summary as JSON) on stdout, and the verdict on stderr."""
    print(json.dumps(read_summary(run), indent=2) if as_json else run)
    print_verdict(verdict)


def print_verdict(line: str) -> None:
    """One line, after everything else."""
    sys.stdout.flush()
    print(line, file=sys.stderr)


def rates_line(summary: Mapping[str, object], rates: tuple[str, ...]) -> str:
    """``random:100: label 62/98 = 63.3 % [53.4, 72.1], verified ...``, for every group."""
    groups = summary["groups"]
    assert isinstance(groups, dict)
    parts = []
    for name, group in groups.items():
        shown = [f"{rate} {_rate(group['rates'][rate])}" for rate in rates if group["rates"].get(rate)]
        failed = f" ({group['n_failed']} without an answer)" if group["n_failed"] else ""
        parts.append(f"{name}: {', '.join(shown)}{failed}")
    return "; ".join(parts)


def _rate(rate: Mapping[str, float | int | None]) -> str:
    if not rate["n"] or rate["rate"] is None:
        return "n/a"
    assert rate["low"] is not None
    assert rate["high"] is not None
    return f"{rate['k']}/{rate['n']} = {rate['rate']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}]"


def print_estimate(estimate: object, *, as_json: bool) -> None:
    """Requests, tokens and dollars of a dry run."""
    from dataclasses import asdict, is_dataclass

    assert is_dataclass(estimate)
    values = asdict(estimate)  # type: ignore[arg-type]
    if as_json:
        print(json.dumps(values, indent=2))
        return
    for name, value in values.items():
        print(f"{name}: {'unknown' if value is None else value}")
