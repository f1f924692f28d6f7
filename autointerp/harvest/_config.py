"""What a harvest, and the contexts made from it, can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from autointerp.errors import UsageError
from autointerp.harvest._context import DECILES, STRATA

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class HarvestConfig:
    """How activations are collected; every field changes results."""

    seed: int = 0
    """Of the uniform sample."""
    batch_windows: int = 32
    """Windows a model call; fixed, because a window's numbers may depend on the shape it was computed in."""
    k_top: int = 64
    """Strongest windows kept a feature."""
    k_sample: int = 256
    """Activations in the uniform sample of a feature."""
    skip_positions: int = 1
    """First real positions of a window that count in no statistic; their activations are about position, not text."""
    keep_bos: bool = False
    """Count the BOS token too."""
    dead_threshold: float = 0.07
    """A feature that never exceeds this is dead by the threshold definition."""
    shard_windows: int = 512
    """Windows of one split that make a unit of work."""

    def __post_init__(self) -> None:
        """Refuse sizes that mean nothing."""
        for name in ("batch_windows", "k_top", "k_sample", "shard_windows"):
            if getattr(self, name) < 1:
                raise UsageError(f"HarvestConfig.{name} is {getattr(self, name)}, it must be at least 1.")
        if self.skip_positions < 0:
            raise UsageError(f"HarvestConfig.skip_positions is {self.skip_positions}, it can't be negative.")


def _counts(*, top: int, d0: int, d9: int, decile: int, below: int, negative: int) -> Mapping[str, int]:
    """How many contexts of each stratum, in the order of ``STRATA``."""
    wanted = {
        "top": top,
        **dict.fromkeys(DECILES, decile),
        "below_10pct_of_max": below,
        "negative_random": negative,
        "negative_hard": negative,
    }
    wanted.update(d0=d0, d9=d9)
    return MappingProxyType(wanted)


EXPLAIN_COUNTS = _counts(top=10, d0=2, d9=4, decile=2, below=4, negative=10)
SCORE_COUNTS = _counts(top=0, d0=6, d9=2, decile=2, below=2, negative=8)


@dataclass(frozen=True)
class ContextConfig:
    """Which contexts are written for a feature, and how wide they are."""

    seed: int = 0
    """Of the choice of negatives."""
    before: int = 10
    """Tokens shown before the peak, where the window has them."""
    after: int = 6
    """Tokens shown after the peak, where the window has them."""
    explain: Mapping[str, int] = field(default_factory=lambda: EXPLAIN_COUNTS)
    """Stratum -> contexts wanted from the explain split; a stratum left out is not collected."""
    score: Mapping[str, int] = field(default_factory=lambda: SCORE_COUNTS)
    """The same for the score split, heavier in the lowest decile, without the strongest."""

    def __post_init__(self) -> None:
        """Refuse unknown strata and negative sizes."""
        if self.before < 0 or self.after < 0:
            raise UsageError(f"ContextConfig: before is {self.before}, after is {self.after}; neither can be negative.")
        for split in ("explain", "score"):
            for stratum, n in getattr(self, split).items():
                if stratum not in STRATA or n < 0:
                    raise UsageError(f"ContextConfig.{split}: {stratum!r}: {n}; strata are {', '.join(STRATA)}.")

    @property
    def length(self) -> int:
        """Tokens of an unclipped slice."""
        return self.before + 1 + self.after

    def counts(self, split: str) -> Mapping[str, int]:
        """Stratum -> contexts wanted, of ``explain`` or ``score``."""
        return self.explain if split == "explain" else self.score
