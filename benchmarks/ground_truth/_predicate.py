"""A meaning that a feature can be given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.ground_truth._text import Mask, Text


@dataclass(frozen=True)
class Predicate:
    """A condition on a token and what stands around it, written for this benchmark alone."""

    name: str
    """Unique, in words: the right label of a feature that has this meaning and no other."""
    kind: str
    """What sort of condition it is."""
    fires: Callable[[Text], Mask]
    """Where it holds, [b, t]; False where there is no text."""
    rule: str | None = None
    """The same in the rules labeler's grammar, as nearly as that can say it; None where it can't. Whether this is near
    enough to call the predicate expressible is measured on the text."""
