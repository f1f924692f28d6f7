"""One context of one feature: a slice of a window around a position, with the feature's activations on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Split = Literal["explain", "score"]
DECILES = tuple(f"d{i}" for i in range(10))
STRATA = ("top", *DECILES, "below_10pct_of_max", "negative_random", "negative_hard")


@dataclass(frozen=True)
class Context:
    """A row of ``contexts.parquet``."""

    feature: int
    split: Split
    stratum: str
    """One of ``STRATA``; ``d0`` is the lowest tenth of the feature's own activations, ``d9`` the highest. In these
    and in ``below_10pct_of_max`` no token of the slice is stronger than the place itself."""
    rank: int
    """Order within feature, split and stratum (0 first)."""
    window: int
    """Row of the run's windows."""
    position: int
    """Of the peak in its window; in a negative, of the token that stands where a peak would."""
    token_ids: tuple[int, ...]
    tokens: tuple[str, ...]
    """Each token's own text."""
    activations: tuple[float, ...]
    """The feature's activation on each token; all zero in a negative."""
    peak: int
    """Index of ``position`` within the slice."""
    document: str
    """Digest of the document."""
    fallback: str = ""
    """How a hard negative was found when its own token always fires (``""``: same token)."""

    @property
    def is_positive(self) -> bool:
        """Whether the feature fires anywhere in the slice."""
        return not self.stratum.startswith("negative")

    @property
    def text(self) -> str:
        """The slice as text."""
        return "".join(self.tokens)
