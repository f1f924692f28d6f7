"""How many requests of one account may be in flight, learnt from how it goes. No clock and no network in here.

Slow start, then additive increase and multiplicative decrease, as TCP does it (RFC 5681); that only saturated rounds
and first tries count as evidence, and one decrease an episode, follows inspect_ai's adaptive connections.
"""

from __future__ import annotations

import math

START = 8
CEILING = 256
DECREASE = 0.8
SATURATED = 0.8
"""Share of the limit that must be in flight for a success to say anything about a higher one."""
COOLDOWN_S = 1.0
"""Shortest time between two decreases."""


class Pace:
    """The limit of one account; shared by everything in the process that asks it."""

    def __init__(self, *, start: int = START, ceiling: int = CEILING, floor: int = 1) -> None:
        """Begin.

        Args:
            start: The first limit.
            ceiling: It never goes above.
            floor: Nor below.
        """
        self.limit = start
        self.n_decreases = 0
        self._floor, self._ceiling = floor, ceiling
        self._credit = 0.0  # part of the next step up
        self._full_s = self._lowered_s = self._calm_s = -math.inf

    @classmethod
    def fixed(cls, limit: int) -> Pace:
        """One that does not move."""
        return cls(start=limit, ceiling=limit, floor=limit)

    def sent(self, n_in_flight: int, *, now_s: float) -> None:
        """Note that a request was sent.

        Args:
            n_in_flight: With it.
            now_s: On any clock that only goes forward; the same for all calls.
        """
        if n_in_flight >= SATURATED * self.limit:
            self._full_s = now_s

    def succeeded(self, *, sent_s: float) -> None:
        """Note a reply that came at the first try, in good time.

        Before the first decrease the limit doubles with every round of them, later it grows by one a round. Replies
        to requests sent before the last decrease, or while there was room, say nothing about a higher limit.

        Args:
            sent_s: When its request was sent.
        """
        if sent_s > self._full_s or sent_s < self._lowered_s or self.limit >= self._ceiling:
            return
        self._credit += 1.0 / self.limit if self.n_decreases else 1.0
        if self._credit >= 1.0:
            self.limit += 1
            self._credit = 0.0

    def overloaded(self, *, sent_s: float, now_s: float, wait_s: float = 0.0) -> None:
        """Note that the server had too much: the limit shrinks, once an episode.

        An episode is everything that was sent before the last decrease, or came within its cooldown.

        Args:
            sent_s: When the request was sent.
            now_s: Now.
            wait_s: How long the server asks to wait; the cooldown is not shorter.
        """
        is_same_episode = sent_s < self._lowered_s or now_s < self._calm_s
        if is_same_episode:
            return
        self.limit = max(self._floor, int(self.limit * DECREASE))
        self.n_decreases += 1
        self._credit = 0.0
        self._lowered_s, self._calm_s = now_s, now_s + max(wait_s, COOLDOWN_S)
