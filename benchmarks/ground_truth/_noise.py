"""How a planted feature departs from its meaning."""

from __future__ import annotations

from typing import NamedTuple


class Noise(NamedTuple):
    """A noise level."""

    name: str
    false: float = 0.0
    """Share of the feature's firings that are on tokens drawn at random, with strengths from the feature's own
    distribution times ``FALSE_SCALE``."""
    missed: float = 0.0
    """Share of the places where the meaning holds and the feature is silent, drawn at random."""


FALSE_SCALE = 0.5
NONE = Noise("none")
MODERATE = Noise("5 % false", false=0.05)
MISSED = Noise("5 % missed", missed=0.05)
BOTH = Noise("5 % false, 5 % missed", false=0.05, missed=0.05)
MAIN_LEVELS = (NONE, MODERATE, MISSED, BOTH)
"""Every single meaning is planted at each of these."""
FURTHER_LEVELS = (
    Noise("10 % false", false=0.1),
    Noise("20 % false", false=0.2),
    Noise("10 % missed", missed=0.1),
    Noise("20 % missed", missed=0.2),
)
"""Every third meaning is planted at each of these, too."""
LEVELS = (*MAIN_LEVELS, *FURTHER_LEVELS)
