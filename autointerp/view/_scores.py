"""A feature's scores, each beside what can be had without understanding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autointerp.score import NONE_FLOOR, ScoreRow
from autointerp.score.scorers import CHANCE
from autointerp.stats import wilson

_FURTHER = (("fuzzing", "ba", 0.5), ("intruder", "accuracy", CHANCE), ("simulation", "pearson", 0.0))
"""Scorers besides detection: name, measure, and what guessing reaches."""
_WORDS = {"ba": "balanced accuracy", "accuracy": "accuracy", "pearson": "correlation"}


def scores_of(row: ScoreRow, floor: float | None) -> list[dict[str, Any]]:
    """Every scorer that was asked.

    Args:
        row: The feature's.
        floor: What detection has to exceed to be verified: the mean of shuffled labels, at least 0.5.
    """
    detection = {
        "name": "detection",
        "measure": "balanced accuracy",
        "value": row.balanced_accuracy,
        "low": row.ba_low,
        "high": row.ba_high,
        "floor": max(NONE_FLOOR, floor) if floor is not None else NONE_FLOOR,
        "floors": {"one answer for all": row.floor_none, "token identity": row.floor_token_identity,
                   "position": row.floor_position, "another feature's label": row.shuffled_ba},
        "outcome": row.outcome,
        "note": row.reason,
        "counts": {"tp": row.tp, "fn": row.fn, "tn": row.tn, "fp": row.fp},
        "mcc": row.mcc,
        "f1": row.f1,
        "shuffled_from": row.shuffled_from,
        "bottom": {"verdict": row.bottom_verdict, "p_value": row.bottom_p_value,
                   "below_10pct_of_max": [row.below10_hits, row.below10_n], "lowest_decile": [row.d0_hits, row.d0_n]},
    }  # fmt: skip
    further = [_further(row, name, measure, chance) for name, measure, chance in _FURTHER]
    return [detection, *(one for one in further if one["outcome"] is not None)]


def _further(row: ScoreRow, name: str, measure: str, chance: float) -> dict[str, Any]:
    """A scorer whose columns begin with its name."""
    own = {column.removeprefix(f"{name}_"): value for column, value in vars(row).items() if column.startswith(name)}
    return {
        "name": name,
        "measure": _WORDS[measure],
        "value": own[measure],
        "low": own.get("low"),
        "high": own.get("high"),
        "floor": chance,
        "floors": {"chance": chance, "token identity": own["token"]},
        "outcome": own["outcome"],
        "note": "",
        "n": own["n"],
    }


def deciles_of(row: ScoreRow) -> Mapping[str, Any] | None:
    """The share of each decile's contexts that the judge found, with Wilson intervals; None without an answer."""
    if row.decile_hits is None or row.decile_n is None:
        return None
    intervals = [wilson(k, n) for k, n in zip(row.decile_hits, row.decile_n, strict=True)]
    return {
        "hits": row.decile_hits,
        "n": row.decile_n,
        "low": [interval.low for interval in intervals],
        "high": [interval.high for interval in intervals],
        "false_alarms": {"random": [row.random_alarms, row.random_n], "hard": [row.hard_alarms, row.hard_n]},
    }
