"""What verbs print: data on stdout, the verdict as the last line on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autointerp.score import RunEstimate


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


def print_estimate(estimate: RunEstimate, *, as_json: bool) -> None:
    """Requests, tokens and dollars of a dry run: a row for labels, scores and the shuffled null, and one for all."""
    from dataclasses import asdict

    rows = {"label": estimate.label, "score": estimate.score, "null": estimate.null, "total": estimate.total}
    if as_json:
        print(json.dumps({name: asdict(row) for name, row in rows.items()}, indent=2))
        return
    head = ("", "requests", "journal", "cache", "to send", "tokens in", "tokens out", "USD")
    print(_ESTIMATE_ROW.format(*head))
    for name, row in rows.items():
        counts = (row.n_requests, row.n_from_journal, row.n_from_cache, row.n_to_send)
        ranges = (
            f"{row.tokens_in_low:,} / {row.tokens_in_expected:,} / {row.tokens_in_high:,}",
            f"{row.tokens_out_low:,} / {row.tokens_out_expected:,} / {row.tokens_out_high:,}",
            _dollars(row.cost_usd_low, row.cost_usd_expected, row.cost_usd_high),
        )
        print(_ESTIMATE_ROW.format(name, *(f"{count:,}" for count in counts), *ranges).rstrip())
    print_verdict("nothing was sent. Tokens and dollars: low / expected / high of what is to send, without re-asks.")


def _dollars(*range_usd: float | None) -> str:
    known = [usd for usd in range_usd if usd is not None]
    return " / ".join(f"{usd:.4f}" for usd in known) if len(known) == len(range_usd) else "unknown price"


_ESTIMATE_ROW = "{:<6} {:>8} {:>8} {:>8} {:>8}  {:<34} {:<28} {}"
