"""A server that answers nobody is noticed, and not asked ten thousand times."""

from __future__ import annotations

PATIENCE = 20


class Breaker:
    """Counts requests that fail while not one is answered; a single reply clears it.

    Once ``PATIENCE`` different requests have failed in a row, nothing new is begun for now: those that were begun go on
    trying, as probes. Once ``PATIENCE`` of them gave up in a row, the server is taken to be down.
    """

    def __init__(self) -> None:
        self.reason = ""
        """Why the last one gave up."""
        self._n_gave_up = 0
        self._failing: set[str] = set()
        self._probes: set[str] = set()

    @property
    def holds(self) -> bool:
        """Whether new requests should wait for what becomes of those that were begun."""
        return len(self._failing) >= PATIENCE and bool(self._probes)

    @property
    def is_open(self) -> bool:
        """Whether the server is down."""
        return self._n_gave_up >= PATIENCE

    def failed(self, key: str) -> None:
        """Note that a request got no reply, once more or for the first time."""
        self._failing.add(key)
        self._probes.add(key)

    def replied(self) -> None:
        """Note that somebody got a reply."""
        self._n_gave_up = 0
        self._failing.clear()
        self._probes.clear()

    def ended(self, key: str, error: str = "") -> None:
        """Note that a request will not be sent again.

        Args:
            key: Its own.
            error: Why, where that is for want of a reply.
        """
        self._probes.discard(key)
        if error:
            self._n_gave_up += 1
            self.reason = error
