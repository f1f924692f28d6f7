"""The position baseline: what the place in the window alone tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from autointerp.harvest import Context
from autointerp.score._confusion import Confusion
from autointerp.score._trial import Trial


def position_floor(trial: Trial, contexts: Iterable[Context]) -> float | None:
    """Balanced accuracy of "fires wherever it fired more often than not", by the place in the window alone.

    Places are told apart as 0, 1, 2 to 3, 4 to 7, and so on. A place counts as firing where its share among the explain
    contexts with the feature is above its share among those without (one of each kind is added everywhere).

    Args:
        trial: The held-out contexts.
        contexts: All of the feature's; those of the explain split are what is fitted.
    """
    explain = [context for context in contexts if context.split == "explain"]
    counts = {kind: Counter(_place(one) for one in explain if one.is_positive == kind) for kind in (True, False)}
    n_places = len(counts[True] | counts[False])

    def share(place: int, kind: bool) -> float:
        return (counts[kind][place] + 1) / (counts[kind].total() + n_places + 1)

    fires = [share(place, True) > share(place, False) for place in map(_place, trial.contexts)]
    return Confusion.of(trial, fires).balanced_accuracy


def _place(context: Context) -> int:
    return context.position.bit_length()
