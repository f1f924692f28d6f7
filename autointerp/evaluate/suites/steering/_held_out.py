"""Interventions that seem to help, and what is left of them on text that did not choose them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from autointerp.evaluate._estimates import Estimate

Floats = NDArray[np.float64]
MIN_CHOSEN = 3
"""Fewer say nothing of a mean."""


def held_out(explain: Floats, score: Floats) -> dict[str, Estimate]:
    """Choose the interventions that lower the loss on one half of the text, and measure them on the other.

    The chosen ones' gain on the half that chose them is too good: noise helped to choose them (the winner's curse).

    Args:
        explain: CE change of each on the half that chooses, [n].
        score: On the other half, [n].

    Returns:
        Shares that improve on either half; the mean change of the chosen on either half; how much of the gain is left;
        the share of the chosen that improves on the other half. Errors of shares are Agresti and Coull's (above zero at
        a share of 0, too), the others the jackknife's over interventions; what rests on fewer than three chosen is nan.
    """
    known = ~np.isnan(explain) & ~np.isnan(score)
    both = np.stack([explain[known], score[known]])  # [2, n]
    return {
        "share_improving_explain": _share(both[0] < 0),
        "share_improving_score": _share(both[1] < 0),
        "chosen_explain": _jackknife(lambda x: _mean(_chosen(x)[0]), both),
        "chosen_score": _jackknife(lambda x: _mean(_chosen(x)[1]), both),
        "gain_left": _jackknife(gain_left, both),
        "chosen_improving_score": _share(_chosen(both)[1] < 0),
    }


def gain_left(both: Floats) -> float:
    """The chosen's mean change on the half that did not choose over that on the half that did, [2, n] -> number.

    1 is no shrinkage, 0 says that all was noise; nan where fewer than three are chosen.
    """
    explain, score = _chosen(both)
    return _mean(score) / _mean(explain)


def _chosen(both: Floats) -> Floats:
    return both[:, both[0] < 0]


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) >= MIN_CHOSEN else float("nan")


def _share(improves: NDArray[np.bool_]) -> Estimate:
    n = len(improves)
    adjusted = (improves.sum() + 2) / (n + 4)
    error = float(np.sqrt(adjusted * (1 - adjusted) / (n + 4)))
    return Estimate(float(improves.mean()) if n else float("nan"), error if n else float("nan"), n)


def _jackknife(statistic: Callable[[Floats], float], both: Floats) -> Estimate:
    n = both.shape[1]
    left_out = np.array([statistic(np.delete(both, number, axis=1)) for number in range(n)])
    left_out = left_out[~np.isnan(left_out)]
    m = len(left_out)
    error = float(np.sqrt((m - 1) * np.var(left_out))) if m > 1 else float("nan")
    return Estimate(statistic(both), error, n)
