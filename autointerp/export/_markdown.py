"""``--format markdown``: the run's verdicts for a pull request or a wiki."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from autointerp.export._verdicts import FeatureVerdict, feature_verdicts, rate_text
from autointerp.run import RunDirectory, markdown, write_text
from autointerp.score import load_summary


def write_run_markdown(run: RunDirectory, path: Path) -> Path:
    """Write the rates with their intervals, then a table of features for each group.

    Text of others is escaped: it shows as it is, and nothing in it is a link, a mention, or HTML; what nobody would see
    is written as an escape, and blanks around a text are lost in a table.

    Args:
        run: A labelled run.
        path: The file.

    Returns:
        The file; on an error the old one is intact.

    Raises:
        UsageError: The run has no labels.
    """
    verdicts, summary = feature_verdicts(run), load_summary(run)
    lines = [f"# {markdown(str(summary.get('run') or run.path.resolve().name))}", "", *rates_table(summary)]
    for group, members in groupby(verdicts, key=lambda verdict: verdict.record.group):
        lines += ["", f"## {markdown(group)}", "", "| feature | label | result | why |", "|---:|---|---|---|"]
        lines += [_row(verdict) for verdict in members]
    write_text(path, "\n".join(lines) + "\n")
    return path


def rates_table(summary: Mapping[str, Any]) -> list[str]:
    """The lines of a table of every rate of every group; a sentence where the run is not scored yet."""
    groups = summary.get("groups", {})
    if not groups:
        return ["Not scored yet."]
    lines = ["| group | rate | features, 95 % interval |", "|---|---|---|"]
    for group, found in groups.items():
        lines += [
            f"| {markdown(group)} | {markdown(name)} | {rate_text(rate)} |" for name, rate in found["rates"].items()
        ]
    return lines


def _row(verdict: FeatureVerdict) -> str:
    record = verdict.record
    return f"| {record.feature} | {markdown(record.label)} | {verdict.state} | {markdown(verdict.why)} |"
