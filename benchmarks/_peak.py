"""How much of an accelerator's arithmetic a step's one dense product uses."""

from __future__ import annotations

import torch

PEAK_TFLOPS = {
    "H200": {"float32": 67.0, "bfloat16": 989.0},
    "H100": {"float32": 67.0, "bfloat16": 989.0},
    "A100": {"float32": 19.5, "bfloat16": 312.0},
    "L40S": {"float32": 91.6, "bfloat16": 362.0},
    "L4": {"float32": 30.3, "bfloat16": 121.0},
    "RTX 4090": {"float32": 82.6, "bfloat16": 165.0},
}
"""Dense products a second, without sparsity and without TF32, as the makers state them (SXM where there are two)."""


def achieved(
    seconds: float, *, batch: int, d_in: int, d_sae: int, dtype: str, stated: float | None
) -> dict[str, object]:
    """Compare the encoder's product with what the device could do in the time of a whole step.

    Args:
        seconds: Of a step.
        batch: Vectors.
        d_in: Their length.
        d_sae: Features.
        dtype: Of the product, ``float32`` or ``bfloat16``.
        stated: The device's peak in TFLOP/s; None to look it up by its name.

    Returns:
        ``encoder_tflops``, ``peak_tflops`` and ``share_of_peak``; the last two None where the peak is not known.
    """
    tflops = 2 * batch * d_in * d_sae / seconds / 1e12
    peak = stated or known_peak(torch.cuda.get_device_name(), dtype)
    return {
        "encoder_tflops": round(tflops, 2),
        "peak_tflops": peak,
        "share_of_peak": None if peak is None else round(tflops / peak, 4),
    }


def known_peak(name: str, dtype: str) -> float | None:
    """Look up a device's peak by a part of its name; the longest that fits counts."""
    found = [part for part in PEAK_TFLOPS if part in name]
    return PEAK_TFLOPS[max(found, key=len)][dtype] if found else None
