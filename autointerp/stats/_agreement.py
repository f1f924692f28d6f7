"""Agreement of answers that have no order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence


def nominal_alpha(units: Iterable[Sequence[Hashable | None]]) -> float | None:
    """Krippendorff's alpha for nominal data, with missing values (Krippendorff 2011, "Computing alpha-reliability").

    One minus observed over expected disagreement: 1 is perfect agreement, 0 what chance gives for answers as frequent
    as these, below 0 worse.

    Args:
        units: The answers about each unit, in any order; None is a missing one. Units with fewer than two count not.

    Returns:
        Alpha; None where nothing can disagree: no unit was answered twice, or all answers are the same.
    """
    totals: Counter[Hashable] = Counter()
    n_disagreeing = 0.0
    for answers in units:
        counts = Counter(answer for answer in answers if answer is not None)
        n = counts.total()
        if n >= 2:
            totals += counts
            n_disagreeing += (n * n - sum(count * count for count in counts.values())) / (n - 1)
    n = totals.total()
    n_expected = n * n - sum(count * count for count in totals.values())
    return 1 - (n - 1) * n_disagreeing / n_expected if n_expected else None
