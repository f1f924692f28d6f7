"""Pseudo-random 64-bit keys that don't depend on the order of anything.

The mixer is the finaliser of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
It is a bijection, so within one salt two places never share a key, and a key can be turned back into its place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_M1_INVERSE = np.uint64(pow(0xBF58476D1CE4E5B9, -1, 1 << 64))
_M2_INVERSE = np.uint64(pow(0x94D049BB133111EB, -1, 1 << 64))
_27, _30, _31 = np.uint64(27), np.uint64(30), np.uint64(31)


def mix(z: U64) -> U64:
    """Scramble 64-bit numbers, one to one."""
    z = z ^ (z >> _30)
    z *= _M1
    z ^= z >> _27
    z *= _M2
    z ^= z >> _31
    return z


def unmix(z: U64) -> U64:
    """The number that ``mix`` made into ``z``."""
    z = _unshift(z, 31) * _M2_INVERSE
    z = _unshift(z, 27) * _M1_INVERSE
    return _unshift(z, 30)


def salts(seed: int, labels: NDArray[np.int64], *, purpose: str) -> U64:
    """One 64-bit salt a label.

    Args:
        seed: The run's seed.
        labels: Integers, such as features; any shape.
        purpose: Keeps two uses of one seed apart.

    Returns:
        Salts, of the labels' shape.
    """
    words = np.frombuffer(purpose.encode("utf-8").ljust(8, b"\0")[:8], dtype="<u8").astype(np.uint64)
    stream = mix(mix(words + _GOLDEN) ^ np.uint64(seed % (1 << 64)))
    return mix(stream + (labels.astype(np.uint64) + np.uint64(1)) * _GOLDEN)


def _unshift(z: U64, bits: int) -> U64:
    """Undo ``z ^= z >> bits``."""
    shifted, shift = z, bits
    while shift < 64:
        shifted = shifted ^ (shifted >> np.uint64(shift))
        shift *= 2
    return shifted
