"""Several SDK clients where one would do, since one gets slower with every connection it has."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, Protocol, TypeVar

WIDTH = 32


class _Closable(Protocol):
    def close(self) -> Awaitable[None]: ...


Client = TypeVar("Client", bound=_Closable)


class Lanes(Generic[Client]):
    """Clients of one account, made when they are needed; each has at most ``WIDTH`` requests in flight.

    For every request the SDKs' connection pool looks at each of its connections, and asks the system about each idle
    one: at 100 connections that takes as long as all the rest.
    """

    def __init__(self, make: Callable[[], Client]) -> None:
        """Args: makes one more client."""
        self._make = make
        self._clients, self._n_in_flight = [make()], [0]

    @property
    def first(self) -> Client:
        """The one that is always there."""
        return self._clients[0]

    @contextlib.contextmanager
    def lend(self) -> Iterator[Client]:
        """A client for one request."""
        lane = next((lane for lane, n in enumerate(self._n_in_flight) if n < WIDTH), len(self._clients))
        if lane == len(self._clients):
            self._clients.append(self._make())
            self._n_in_flight.append(0)
        self._n_in_flight[lane] += 1
        try:
            yield self._clients[lane]
        finally:
            self._n_in_flight[lane] -= 1

    async def close(self) -> None:
        """Let go of all connections."""
        for client in self._clients:
            await client.close()
