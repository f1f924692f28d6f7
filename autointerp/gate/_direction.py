"""Decoder directions in a text file: unit length, float16, base64."""

from __future__ import annotations

import base64
import binascii

import numpy as np
from numpy.typing import NDArray

from autointerp.errors import UsageError


def encode_direction(row: NDArray[np.floating]) -> str:
    """Pack a decoder row.

    Args:
        row: [d_in], any length but zero; a zero or non-finite row becomes zeros, which correspond to nothing.

    Returns:
        Base64 of the unit vector as little-endian float16.
    """
    wide = np.asarray(row, dtype=np.float64)
    norm = float(np.linalg.norm(wide))
    unit = wide / norm if np.isfinite(norm) and norm > 0 else np.zeros_like(wide)
    return base64.b64encode(unit.astype("<f2").tobytes()).decode("ascii")


def decode_direction(text: str) -> NDArray[np.float64]:
    """Unpack a decoder row.

    Returns:
        [d_in], of unit length up to float16 rounding.

    Raises:
        UsageError: The text is not base64 of float16 numbers.
    """
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f2").astype(np.float64)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"baseline: a decoder direction is broken ({error}). Restore the file.") from error


def cosine(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Cosine of two directions; 0 when either is zero, or their widths differ."""
    if one.shape != other.shape:
        return 0.0
    norms = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / norms if norms > 0 else 0.0
