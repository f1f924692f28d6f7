"""What the finished stages of a stack leave of a stream of activations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from sae.stack import StackedSAE

BLOCK = 4096
"""Activations that go through the stages together."""

Opened = Callable[[int], Iterator[Tensor]]
"""A stream [n, d_in], opened with so many vectors left out at the front."""


def residuals(source: Opened, stack: StackedSAE) -> Opened:
    """Subtract what a stack makes of each activation.

    Wherever the stream is opened, it goes on with the same bits: the rounding of a product may depend on how many
    vectors it is given, so they go through the stages in blocks that begin at multiples of ``BLOCK`` of the whole
    stream.

    Args:
        source: The activations.
        stack: The stages, frozen.
    """

    def opened(skip: int) -> Iterator[Tensor]:
        n_early = skip % BLOCK
        for block in _blocks(source(skip - n_early)):
            yield stack.residual(block)[n_early:]
            n_early = 0

    return opened


def _blocks(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """Cut a stream anew, ``BLOCK`` vectors at a time, the last ones fewer."""
    waiting = None
    for batch in batches:
        waiting = batch if waiting is None else torch.cat([waiting, batch])
        while len(waiting) >= BLOCK:
            yield waiting[:BLOCK]
            waiting = waiting[BLOCK:]
    if waiting is not None and len(waiting):
        yield waiting
