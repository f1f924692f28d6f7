"""Sums that come out the same, bit for bit, in whatever order they are added."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SCALE_BITS = 40
"""A unit in the last place is 2**-40."""
_WORD_BITS = 32
_WORD_MASK = (1 << _WORD_BITS) - 1


class FixedPointSum:
    """A non-negative sum a feature, kept as an integer of 32-bit words, lowest first.

    A term is rounded to a multiple of 2**-40 and cut into words; integers add in any order. The words are int64 and are
    carried after every batch, so each stays below 2**32 and only the highest one grows, by less than the largest term's
    highest word each time.
    """

    def __init__(self, n_features: int, *, n_words: int) -> None:
        """Start at zero.

        Args:
            n_features: Number of sums.
            n_words: Words of a term and of the sum; a term must be below ``2 ** (32 * n_words - 40)``.
        """
        self.words: NDArray[np.int64] = np.zeros((n_words, n_features), np.int64)

    def add(self, feature: NDArray[np.int64], term: NDArray[np.float64]) -> None:
        """Add a batch of terms.

        Args:
            feature: Which sum each term goes to, [n].
            term: Finite and not negative, [n].
        """
        rest = np.rint(np.ldexp(term, SCALE_BITS))
        for i in reversed(range(len(self.words))):
            digit = np.floor(np.ldexp(rest, -_WORD_BITS * i)) if i else rest
            np.add.at(self.words[i], feature, digit.astype(np.int64))
            if i:
                rest -= np.ldexp(digit, _WORD_BITS * i)
        self._carry()

    def add_sum(self, other: FixedPointSum) -> None:
        """Add another sum, feature by feature."""
        self.words += other.words
        self._carry()

    def to_float(self) -> NDArray[np.float64]:
        """The sums in float64, [n_features]."""
        total = np.zeros(self.words.shape[1])
        for i in reversed(range(len(self.words))):
            total += np.ldexp(self.words[i].astype(np.float64), _WORD_BITS * i - SCALE_BITS)
        return total

    def _carry(self) -> None:
        for i in range(len(self.words) - 1):
            self.words[i + 1] += self.words[i] >> _WORD_BITS
            self.words[i] &= _WORD_MASK
