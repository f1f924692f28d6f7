"""Interventions that seem to help, and what is left of them on text that did not choose them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from autointerp.evaluate._estimates import Estimate

Floats = NDArray[np.float64]


def held_out(explain: Floats, score: Floats) -> dict[str, Estimate]:
    """Choose the interventions that lower the loss on one half of the text, and measure them on the other.

    The chosen ones' gain on the half that chose them is too good: noise helped to choose them (the winner's curse).

    Args:
        explain: CE change of each on the half that chooses, [n].
        score: On the other half, [n].

    Returns:
        Shares that improve on either half; the mean change of the chosen on either half; how much of the gain is left;
        the share of the chosen that improves on the other half. Errors are the jackknife's over interventions.
    """
    known = ~np.isnan(explain) & ~np.isnan(score)
    both = np.stack([explain[known], score[known]])  # [2, n]
    return {
        "share_improving_explain": _jackknife(lambda x: float((x[0] < 0).mean()), both),
        "share_improving_score": _jackknife(lambda x: float((x[1] < 0).mean()), both),
        "chosen_explain": _jackknife(lambda x: _mean(_chosen(x)[0]), both),
        "chosen_score": _jackknife(lambda x: _mean(_chosen(x)[1]), both),
        "gain_left": _jackknife(gain_left, both),
        "chosen_improving_score": _jackknife(lambda x: _mean(_chosen(x)[1] < 0), both),
    }


def gain_left(both: Floats) -> float:
    """The chosen's mean change on the half that did not choose over that on the half that did, [2, n] -> number.

    1 is no shrinkage, 0 says that all was noise; nan where none is chosen.
    """
    explain, score = _chosen(both)
    return float(score.mean() / explain.mean()) if len(explain) else float("nan")


def _chosen(both: Floats) -> Floats:
    return both[:, both[0] < 0]


def _mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _jackknife(statistic: Callable[[Floats], float], both: Floats) -> Estimate:
    n = both.shape[1]
    if not n:
        return Estimate(float("nan"), float("nan"), 0)
    left_out = np.array([statistic(np.delete(both, number, axis=1)) for number in range(n)] if n > 1 else [])
    left_out = left_out[~np.isnan(left_out)]
    m = len(left_out)
    error = float(np.sqrt((m - 1) * np.var(left_out))) if m > 1 else float("nan")
    return Estimate(statistic(both), error, n)
