"""How small a drop a comparison can see, and how many features it takes to see one.

Normal approximations: two independent proportions with pooled variance under "no change" (Fleiss), and McNemar's
test for pairs (Connor 1987).
"""

from __future__ import annotations

import math

from scipy.stats import norm


def required_n(
    baseline: float,
    drop: float,
    *,
    discordant: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    two_sided: bool = False,
) -> int:
    """Features needed (in each arm, or pairs) to see a rate fall.

    Args:
        baseline: The rate before, 0 to 1.
        drop: How far it falls, more than 0 and at most ``baseline``.
        discordant: For pairs: the share of pairs whose verdicts differ; never less than the drop itself.
        alpha: Level of the test.
        power: Chance to see the drop.
        two_sided: Whether the test looks both ways.

    Raises:
        ValueError: A rate is out of its range.
    """
    if not 0 < drop <= baseline <= 1:
        raise ValueError(f"need 0 < drop <= baseline <= 1, got drop={drop}, baseline={baseline}")
    return math.ceil(_needed(baseline, drop, discordant, alpha / (1 + two_sided), power) - 1e-9)


def minimum_detectable_effect(
    baseline: float,
    n: int,
    *,
    n_other: int | None = None,
    discordant: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    two_sided: bool = False,
) -> float | None:
    """The smallest drop of a rate that a comparison of this size sees.

    Args:
        baseline: The rate before, 0 to 1.
        n: Features in each arm, or pairs.
        n_other: Size of the other arm where it differs.
        discordant: For pairs: the share of pairs whose verdicts differ.
        alpha: Level of the test.
        power: Chance to see the drop.
        two_sided: Whether the test looks both ways.

    Returns:
        The drop, in the rate's own units; None where even a fall to zero would be missed.

    Raises:
        ValueError: The rate is outside [0, 1].
    """
    if not 0 <= baseline <= 1:
        raise ValueError(f"baseline must lie in [0, 1], got {baseline}")
    size = n if n_other is None else (2 * n * n_other / (n + n_other) if n + n_other else 0)
    level = alpha / (1 + two_sided)
    if baseline == 0 or _needed(baseline, baseline, discordant, level, power) > size:
        return None
    low, high = 0.0, baseline
    for _ in range(60):
        middle = (low + high) / 2
        if _needed(baseline, middle, discordant, level, power) > size:
            low = middle
        else:
            high = middle
    return high


def _needed(baseline: float, drop: float, discordant: float | None, level: float, power: float) -> float:
    z_alpha, z_beta = float(norm.isf(level)), float(norm.ppf(power))
    if discordant is None:
        after, mean = baseline - drop, baseline - drop / 2
        null, alternative = 2 * mean * (1 - mean), baseline * (1 - baseline) + after * (1 - after)
    else:
        null = max(discordant, drop)
        alternative = null - drop * drop
    return float((z_alpha * math.sqrt(null) + z_beta * math.sqrt(max(alternative, 0.0))) ** 2 / drop**2)
