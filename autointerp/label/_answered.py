"""When a run whose requests brought errors is not complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from autointerp.errors import IncompleteError

MAX_UNANSWERED = 0.05
"""Share of requests that may end without any answer before a stage counts as incomplete."""


def check_answered(reasons: Collection[str], n_asked: int, *, where: object, go_on: str) -> None:
    """Refuse to call a stage complete that a server mostly did not answer.

    Args:
        reasons: Why each unanswered request has no answer.
        n_asked: All requests.
        where: The run.
        go_on: The command that asks the unanswered ones again.

    Raises:
        IncompleteError: More than 5 % have no answer.
    """
    if len(reasons) > MAX_UNANSWERED * n_asked:
        (reason, _), *_ = Counter(reasons).most_common(1)
        raise IncompleteError(
            f"{where}: {len(reasons)} of {n_asked} requests brought no answer, mostly: {reason}. What was answered is "
            f"written; '{go_on}' asks the others again."
        )
