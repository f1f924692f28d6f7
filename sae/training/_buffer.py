"""Shuffling a stream of activations that does not fit into memory."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sae._errors import SAEError
from sae.training._rows import RowReader

Source = Iterable[Tensor] | Callable[[int], Iterable[Tensor]]


@dataclass
class _Walk:
    """Where an iteration stands between two batches."""

    store: Tensor
    """[capacity, d_in]"""
    filled: Tensor
    """bool [capacity]: slots that hold a vector."""
    order: torch.Generator
    """Draws the order of the slots."""
    ended: bool
    """Whether the source is at its end: slots are not refilled, and this walk is the last."""
    slots: Tensor
    """int64: the slots of the present walk, in its order."""
    position: int = 0
    """How many of them were given."""


class ActivationBuffer:
    """Iterates a stream in shuffled batches; every vector comes out exactly once.

    A store of ``capacity`` vectors is filled once. Then the batches walk over its slots in a random order, and each
    slot is refilled from the stream as soon as it was read; when all slots were read, a new order is drawn. A vector
    thus waits for about two store sizes at most, and a batch costs no more than its own size, however large the store.
    """

    def __init__(self, source: Source, *, capacity: int, batch_size: int, seed: int) -> None:
        """Read nothing yet.

        Args:
            source: Tensors [n, d_in] of one d_in and dtype; n may vary. Or a function that opens them with so many
                vectors left out at the front, so that a resumed iteration need not read them again.
            capacity: Vectors held; more mixes better.
            batch_size: Vectors a batch; only the last batch may be smaller.
            seed: Of the order; each iteration over the buffer starts from it again.

        Raises:
            SAEError: batch_size is below 1, or above capacity.
        """
        if not 1 <= batch_size <= capacity:
            raise SAEError(f"need 1 <= batch_size <= capacity, found batch_size={batch_size}, capacity={capacity}")
        self._source = source
        self._settings = {"capacity": capacity, "batch_size": batch_size, "seed": seed}
        self._capacity, self._batch_size, self._seed = capacity, batch_size, seed
        self._walk: _Walk | None = None
        self._resumed = False
        self.n_read = 0
        """Vectors taken from the source so far."""

    def __iter__(self) -> Iterator[Tensor]:
        """Give the batches from the first on, or, once after ``load_state_dict``, from there on."""
        if self._resumed:
            self._resumed, reader = False, self._reopen()
        else:
            self.n_read, reader = 0, self._open(0)
            self._walk = self._fill(reader)
        walk = self._walk
        while walk is not None and walk.position < len(walk.slots):
            slots = walk.slots[walk.position : walk.position + self._batch_size]
            batch = walk.store.index_select(0, slots.to(walk.store.device))  # far faster than indexing
            walk.position += len(slots)
            if not walk.ended:
                self._refill(walk, slots, reader)
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Give what ``load_state_dict`` needs to go on after the batch given last; the tensors are not copies."""
        walk = self._walk
        state = {} if walk is None else {**vars(walk), "order": walk.order.get_state()}
        return {**self._settings, "n_read": self.n_read, "walk": state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iteration go on where another one stood.

        Args:
            state: From ``state_dict`` of a buffer with the same sizes and seed, over the same source.

        Raises:
            SAEError: Sizes or seed differ.
        """
        for name, value in self._settings.items():
            if state[name] != value:
                raise SAEError(f"the state is of a buffer with {name}={state[name]}, this one has {name}={value}")
        self.n_read, self._walk = state["n_read"], None
        self._resumed = bool(state["walk"])
        if self._resumed:
            walk: dict[str, Any] = copy.deepcopy(state["walk"])
            order = torch.Generator()
            order.set_state(walk.pop("order"))
            self._walk = _Walk(order=order, **walk)

    def _open(self, n_skipped: int) -> RowReader:
        return RowReader(self._source(n_skipped) if callable(self._source) else self._source)

    def _reopen(self) -> RowReader:
        """Open the source at the first vector that was not taken from it yet."""
        reader = self._open(self.n_read)
        if not callable(self._source):
            reader.skip(self.n_read)
        return reader

    def _take(self, reader: RowReader, n: int) -> Tensor | None:
        fresh = reader.take(n)
        self.n_read += 0 if fresh is None else len(fresh)
        return fresh

    def _fill(self, reader: RowReader) -> _Walk | None:
        store, n_filled = None, 0
        while n_filled < self._capacity:
            fresh = self._take(reader, min(self._batch_size, self._capacity - n_filled))
            if fresh is None:
                break
            if store is None:
                store = fresh.new_empty(self._capacity, fresh.shape[1])
            store[n_filled : n_filled + len(fresh)] = fresh
            n_filled += len(fresh)
        if store is None:
            return None
        filled = torch.arange(self._capacity) < n_filled
        order = torch.Generator().manual_seed(self._seed)
        walk = _Walk(store, filled, order, ended=n_filled < self._capacity, slots=filled.nonzero())
        self._begin(walk)
        return walk

    def _refill(self, walk: _Walk, slots: Tensor, reader: RowReader) -> None:
        fresh = self._take(reader, len(slots))
        n_fresh = 0 if fresh is None else len(fresh)
        if fresh is not None:
            there = slots[:n_fresh].to(walk.store.device)  # a resumed store lies on the CPU
            walk.store.index_copy_(0, there, fresh.to(walk.store))
        walk.filled[slots[n_fresh:]] = False
        walk.ended = n_fresh < len(slots)
        if walk.ended or walk.position == len(walk.slots):
            self._begin(walk)

    def _begin(self, walk: _Walk) -> None:
        """Draw a new order: of whole batches (other slots wait for the walk after), at the end of what is left."""
        slots = walk.filled.nonzero().squeeze(1)
        n = len(slots) if walk.ended else self._capacity - self._capacity % self._batch_size
        walk.slots = slots[torch.randperm(len(slots), generator=walk.order)][:n]
        walk.position = 0
