"""A smooth limit on requests or tokens a minute."""

from __future__ import annotations

import math

BURST_S = 1.0
"""How many seconds' worth may be spent at once."""


class Bucket:
    """A token bucket that may go into debt: one request larger than the bucket is sent, and the next ones wait."""

    def __init__(self, per_minute: float) -> None:
        """Args: the limit."""
        self._per_s = per_minute / 60.0
        self._size = max(1.0, self._per_s * BURST_S)
        self._level, self._now_s = self._size, -math.inf

    def wait_s(self, amount: float, *, now_s: float) -> float:
        """How long until this much may be taken; 0 for now.

        Args:
            amount: Requests, or tokens.
            now_s: On any clock that only goes forward; the same for all calls.
        """
        self._level = min(self._size, self._level + (now_s - self._now_s) * self._per_s)
        self._now_s = now_s
        missing = min(amount, self._size) - self._level
        return missing / self._per_s if missing > 1e-9 else 0.0

    def take(self, amount: float) -> None:
        """Take it out; a negative amount, from a guess that was too high, goes back in."""
        self._level = min(self._size, self._level - amount)
