"""Every error of a reconstruction that the literature reports, input by input."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import vector_norm

from sae.metrics._batch import row_cosine, row_l2_ratio


def row_errors(x: Tensor, reconstruction: Tensor, mean: Tensor) -> dict[str, Tensor]:
    """Measure each input's reconstruction.

    With e the error, c the cosine and r the L2 ratio: ``relative_error = direction_error + length_error``, that is
    ``|e|^2 / |x|^2 = (1 - c^2) + (r - c)^2``.

    Args:
        x: [n, d_in].
        reconstruction: [n, d_in].
        mean: [d_in], of all inputs, not only of these.

    Returns:
        float64 [n] by name, nan where a divisor is zero:

        - ``squared_error``: |e|^2, summed over dimensions (Bricken et al. 2023 and most losses since);
        - ``distance``: |e| (dictionary_learning's README calls its mean MSE);
        - ``mse``: |e|^2 / d_in, per dimension;
        - ``mse_over_norm``: |e|^2 / d_in / |x| (Bloom's loss, February 2024);
        - ``mse_over_centred_norm``: |e|^2 / d_in / |x - mean| (Bloom's later loss, and the MSE of Farrell 2024; theirs
          subtract the mean of the batch);
        - ``relative_error``: |e|^2 / |x|^2;
        - ``squared_deviation``: |x - mean|^2; the mean of ``squared_error`` over the mean of this is the FVU, which is
          also the normalised MSE of Gao et al. 2024;
        - ``fvu_per_token``: |e|^2 / |x - mean|^2 (SAELens's first explained variance is one minus its mean);
        - ``cosine`` and ``l2_ratio``;
        - ``direction_error``: 1 - c^2;
        - ``length_error``: (r - c)^2.
    """
    x, reconstruction = x.double(), reconstruction.double()
    error = vector_norm(reconstruction - x, dim=-1)
    norm, deviation = vector_norm(x, dim=-1), vector_norm(x - mean.double(), dim=-1)
    squared, d_in = error.square(), x.shape[-1]
    cosine, ratio = row_cosine(x, reconstruction), row_l2_ratio(x, reconstruction)
    return {
        "squared_error": squared,
        "distance": error,
        "mse": squared / d_in,
        "mse_over_norm": _divide(squared / d_in, norm),
        "mse_over_centred_norm": _divide(squared / d_in, deviation),
        "relative_error": _divide(squared, norm.square()),
        "squared_deviation": deviation.square(),
        "fvu_per_token": _divide(squared, deviation.square()),
        "cosine": cosine,
        "l2_ratio": ratio,
        "direction_error": 1 - cosine.square(),
        "length_error": (ratio - cosine).square(),
    }


def _divide(numerator: Tensor, divisor: Tensor) -> Tensor:
    return torch.where(divisor > 0, numerator / divisor, torch.nan)
