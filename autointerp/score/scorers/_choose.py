"""All scorers by name."""

from __future__ import annotations

from autointerp.errors import UsageError
from autointerp.score.scorers._detection import Detection
from autointerp.score.scorers._fuzzing import Fuzzing
from autointerp.score.scorers._intruder import Intruder
from autointerp.score.scorers._scorer import Scorer
from autointerp.score.scorers._simulation import Simulation

DEFAULT = "detection"
"""The one that ``verified`` rests on, and the only one that a run pays for unless told otherwise."""
SCORERS: dict[str, Scorer] = {one.name: one for one in (Detection(), Fuzzing(), Intruder(), Simulation())}
"""Name -> scorer, in the order of the columns."""


def parse_scorers(spec: str) -> tuple[str, ...]:
    """Names from ``detection,fuzzing``.

    Args:
        spec: Names with commas between them.

    Returns:
        Each once, in the order of ``SCORERS``; detection is always among them, because ``verified`` rests on it.

    Raises:
        UsageError: There is no such scorer.
    """
    wanted = {name.strip() for name in spec.split(",") if name.strip()}
    unknown = sorted(wanted - SCORERS.keys())
    if unknown:
        raise UsageError(f"--scorers {spec}: no scorer is called {unknown[0]!r}; there are {', '.join(SCORERS)}.")
    return tuple(name for name in SCORERS if name in wanted | {DEFAULT})
