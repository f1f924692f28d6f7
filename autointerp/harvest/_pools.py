"""Places that negatives are drawn from: a uniform pool of a split's tokens, and one of each token asked for.

The pools are the smallest scrambled places, so they depend on the seed and the windows alone: a feature's negatives are
the same whichever features are chosen beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest._batches import SPLITS, counts_mask
from autointerp.harvest._config import HarvestConfig
from autointerp.harvest._context import Split
from autointerp.harvest._keys import mix, salts, unmix
from autointerp.harvest._smallest import EMPTY, SmallestKeys

if TYPE_CHECKING:
    from autointerp.corpus import Windows

I64 = NDArray[np.int64]
POOL_SIZE = 4096
"""Places in the uniform pool."""
TOKEN_POOL_SIZE = 64
"""Places in the pool of one token."""
_WINDOWS_A_BLOCK = 4096


class Pools:
    """The uniform pool of one split, and how often each token stands in it."""

    def __init__(self, windows: Windows, split: Split, *, seed: int, d_vocab: int, config: HarvestConfig) -> None:
        """Scan the split once.

        Args:
            windows: The text.
            split: Which part of it.
            seed: Decides the pools.
            d_vocab: Number of token ids.
            config: Says which tokens count; the BOS never does here.
        """
        self._windows, self._config = windows, config
        self._rows = np.flatnonzero(np.asarray(windows.split) == SPLITS.index(split))
        self._salt = salts(seed, np.arange(1), purpose="pool")
        keeper = SmallestKeys(1, POOL_SIZE)
        self.token_counts: I64 = np.zeros(d_vocab, np.int64)
        """How often each token id stands at a place that counts, [d_vocab]."""
        for place, token in self._blocks():
            self.token_counts += np.bincount(token, minlength=d_vocab)
            self._offer(keeper, np.zeros(len(place), np.int64), place)
        self.uniform: I64 = self._places(keeper)[0]
        """Places, in random order."""

    def of_tokens(self, tokens: I64) -> dict[int, I64]:
        """Scan the split again for some tokens.

        Args:
            tokens: Distinct ids.

        Returns:
            Id -> at most 64 of its places, in random order.
        """
        keeper = SmallestKeys(len(tokens), TOKEN_POOL_SIZE)
        row_of = np.full(len(self.token_counts), -1)
        row_of[tokens] = np.arange(len(tokens))
        for place, token in self._blocks():
            row = row_of[token]
            self._offer(keeper, row[row >= 0], place[row >= 0])
        return dict(zip(tokens.tolist(), self._places(keeper), strict=True))

    def _blocks(self) -> Iterator[tuple[I64, I64]]:
        """Places that count and the tokens on them, some windows at a time."""
        length = self._windows.context_length
        n_bos = int(self._windows.prepend_bos)
        for at in range(0, len(self._rows), _WINDOWS_A_BLOCK):
            rows = self._rows[at : at + _WINDOWS_A_BLOCK]
            counts = counts_mask(self._windows, rows, self._config)
            counts[:, :n_bos] = False
            place = rows[:, None] * length + np.arange(length)
            yield place[counts], np.asarray(self._windows.tokens)[rows][counts].astype(np.int64)

    def _offer(self, keeper: SmallestKeys, row: I64, place: I64) -> None:
        key = mix(place.astype(np.uint64) ^ self._salt)
        chosen = keeper.may_enter(row, key)
        keeper.offer(row[chosen], key[chosen], np.zeros(np.count_nonzero(chosen), np.uint32))

    def _places(self, keeper: SmallestKeys) -> list[I64]:
        filled = keeper.keys != EMPTY
        places = (unmix(keeper.keys) ^ self._salt).astype(np.int64)
        return [row[there] for row, there in zip(places, filled, strict=True)]
