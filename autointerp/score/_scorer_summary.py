"""What the scorers and the floors reach over a group, as the summary gives it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from autointerp.harvest import DECILES
from autointerp.score._floors import NONE_FLOOR
from autointerp.score._rates import mean, share
from autointerp.score._row import ScoreRow
from autointerp.score.scorers import CHANCE, DEFAULT, SCORERS

Json = dict[str, object]
_MEASURES = {"fuzzing": ("ba",), "intruder": ("accuracy",), "simulation": ("pearson", "r2")}
"""Columns of each scorer to take the mean of."""
_NOTHING_KNOWN = {"fuzzing": NONE_FLOOR, "intruder": CHANCE, "simulation": 0.0}
"""What each scorer gives to a judge that gives one answer to all, or guesses."""


def floors(rows: Sequence[ScoreRow]) -> Json:
    """Balanced accuracy of detection without a judge: one answer for all, the usual tokens, the place in the window."""
    scored = [row for row in rows if row.scored]
    return {
        "none": NONE_FLOOR,
        "token_identity": mean([row.floor_token_identity for row in scored]),
        "position": mean([row.floor_position for row in scored]),
    }


def further_scorers(rows: Sequence[ScoreRow]) -> dict[str, Json]:
    """Means over features of every scorer that was asked for besides detection.

    Args:
        rows: Of one group.

    Returns:
        Scorer -> its outcomes, the means over features that have an answer, and beside them ``chance`` and ``token``,
        what the usual tokens reach over all testable features.
    """
    return {
        name: _further(name, rows)
        for name in SCORERS
        if name != DEFAULT and any(getattr(row, f"{name}_outcome") is not None for row in rows)
    }


def _further(name: str, rows: Sequence[ScoreRow]) -> Json:
    def column(measure: str) -> list[float | None]:
        return [getattr(row, f"{name}_{measure}") for row in rows]

    outcomes = Counter(str(getattr(row, f"{name}_outcome")) for row in rows)
    found: Json = {
        "outcomes": dict(sorted(outcomes.items())),
        **{measure: mean(column(measure)) for measure in _MEASURES[name]},
        "chance": _NOTHING_KNOWN[name],
        "token": mean(column("token")),
    }
    if name == "intruder":
        found["deciles"] = _intruder_deciles(rows)
    return found


def _intruder_deciles(rows: Sequence[ScoreRow]) -> list[Json]:
    hits = [row.intruder_decile_hits for row in rows if row.intruder_decile_hits is not None]
    asked = [row.intruder_decile_n for row in rows if row.intruder_decile_n is not None]
    return [
        {"decile": name, **share(sum(one[i] for one in hits), sum(one[i] for one in asked))}
        for i, name in enumerate(DECILES)
    ]
