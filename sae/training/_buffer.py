"""Shuffling a stream of activations that does not fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from sae._errors import SAEError
from sae.training._rows import RowReader


class ActivationBuffer:
    """Iterates a stream in shuffled batches; every vector comes out exactly once.

    A store of ``capacity`` vectors is filled once. Then the batches walk over its slots in a random order, and each
    slot is refilled from the stream as soon as it was read; when all slots were read, a new order is drawn. A vector
    thus waits for about two store sizes at most, and a batch costs no more than its own size, however large the store.
    """

    def __init__(self, source: Iterable[Tensor], *, capacity: int, batch_size: int, seed: int) -> None:
        """Read nothing yet.

        Args:
            source: Tensors [n, d_in] of one d_in and dtype; n may vary.
            capacity: Vectors held; more mixes better.
            batch_size: Vectors a batch; only the last batch may be smaller.
            seed: Of the order; each iteration over the buffer starts from it again.

        Raises:
            SAEError: batch_size is below 1, or above capacity.
        """
        if not 1 <= batch_size <= capacity:
            raise SAEError(f"need 1 <= batch_size <= capacity, found batch_size={batch_size}, capacity={capacity}")
        self._source, self._capacity, self._batch_size, self._seed = source, capacity, batch_size, seed

    def __iter__(self) -> Iterator[Tensor]:
        reader = RowReader(self._source)
        order = torch.Generator().manual_seed(self._seed)
        store, n_filled = self._fill(reader)
        if store is None:
            return
        filled = torch.arange(self._capacity) < n_filled
        ended = n_filled < self._capacity
        n_walk = self._capacity - self._capacity % self._batch_size  # whole batches; other slots wait for the next walk
        while not ended:
            walk = torch.randperm(self._capacity, generator=order)[:n_walk]
            for slots in torch.split(walk, self._batch_size):
                yield store[slots]
                fresh = reader.take(len(slots))
                n_fresh = 0 if fresh is None else len(fresh)
                if fresh is not None:
                    store[slots[:n_fresh]] = fresh
                if n_fresh < len(slots):
                    filled[slots[n_fresh:]] = False
                    ended = True
                    break
        rest = filled.nonzero().squeeze(1)
        rest = rest[torch.randperm(len(rest), generator=order)]
        for start in range(0, len(rest), self._batch_size):
            yield store[rest[start : start + self._batch_size]]

    def _fill(self, reader: RowReader) -> tuple[Tensor | None, int]:
        store, n_filled = None, 0
        while n_filled < self._capacity:
            fresh = reader.take(min(self._batch_size, self._capacity - n_filled))
            if fresh is None:
                break
            if store is None:
                store = fresh.new_empty(self._capacity, fresh.shape[1])
            store[n_filled : n_filled + len(fresh)] = fresh
            n_filled += len(fresh)
        return store, n_filled
