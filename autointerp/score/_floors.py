"""What a judge reaches without understanding the label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from autointerp.harvest import Context
from autointerp.score._confusion import Confusion
from autointerp.score._trial import Trial

NONE_FLOOR = 0.5
"""Balanced accuracy of one answer for all contexts."""
MAX_TOKENS = 3


def peak_tokens(contexts: Iterable[Context]) -> list[str]:
    """The most frequent peak tokens of the explain split: the fewest that cover half of the peaks, at most three."""
    counts = Counter(
        context.tokens[context.peak] for context in contexts if context.split == "explain" and context.is_positive
    )
    chosen: list[str] = []
    for token, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if len(chosen) == MAX_TOKENS or 2 * sum(counts[known] for known in chosen) >= counts.total():
            break
        chosen.append(token)
    return chosen


def token_identity_floor(trial: Trial, contexts: Iterable[Context]) -> float | None:
    """Balanced accuracy of "fires wherever one of its usual tokens stands".

    Args:
        trial: The held-out contexts.
        contexts: All of the feature's, for the usual tokens.
    """
    usual = set(peak_tokens(contexts))
    fires = [not usual.isdisjoint(context.tokens) for context in trial.contexts]
    return Confusion.of(trial, fires).balanced_accuracy


def shuffled_floor(reached: Iterable[float | None]) -> float:
    """What any label reaches: the mean balanced accuracy of shuffled labels, at least 0.5.

    Args:
        reached: One a feature; None where there is no answer.
    """
    known = [value for value in reached if value is not None]
    return max(NONE_FLOOR, sum(known) / len(known)) if known else NONE_FLOOR
