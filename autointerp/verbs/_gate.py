"""``baseline`` and ``gate``: has the rate become worse?"""

from __future__ import annotations

import os
from pathlib import Path

from autointerp.gate import (
    Baseline,
    GateResult,
    append_step_summary,
    compare,
    make_baseline,
    read_baseline,
    write_junit,
)
from autointerp.run import RunDirectory


def baseline(run: str | Path) -> Baseline:
    """What later runs are compared with: per-feature verdicts and decoder directions of a scored run.

    Args:
        run: A scored run directory whose SAE still lies where the run says.

    Returns:
        The baseline; ``model_dump_json()`` is the file.

    Raises:
        UsageError: The run is not scored, or its SAE has moved or changed.
    """
    return make_baseline(RunDirectory.open(run))


def gate(
    run: str | Path,
    baseline: str | Path | Baseline,
    *,
    margin: float = 0.05,
    min_rate: float | None = None,
    rate: str = "verified",
    group: str | None = None,
    junit: str | Path | None = None,
) -> GateResult:
    """Hold a scored run against a baseline.

    Args:
        run: A scored run directory.
        baseline: A baseline, or its file.
        margin: How far the rate may fall.
        min_rate: What the run's rate must reach in any case.
        rate: ``label``, ``verified`` or ``robust``.
        group: Which features (default: the baseline's first ``random:N`` group).
        junit: Also write the verdict as a JUnit file. Where ``$GITHUB_STEP_SUMMARY`` is set, it gets the Markdown.

    Returns:
        The verdict with its numbers.

    Raises:
        UsageError: An input is wrong.
        NotComparableError: Model, hook point, labeler, judge or prompts differ.
    """
    held = baseline if isinstance(baseline, Baseline) else read_baseline(Path(baseline))
    result = compare(RunDirectory.open(run), held, rate=rate, group=group, margin=margin, min_rate=min_rate)
    if junit is not None:
        write_junit(result, Path(junit))
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        append_step_summary(result, Path(summary))
    return result
