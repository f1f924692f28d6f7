"""The best scale or decoder for a frozen encoder, in closed form."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from torch import Tensor

from sae._errors import SAEError
from sae._model import SAE
from sae.finetune._frozen import FineTuned, Tune, check_tunable, with_decoder
from sae.finetune._moments import Array, Moments, moments

NEGLIGIBLE = 1e-12
"""A feature with less than this share of its sum of squares left to fit (after centring) can't be tuned."""


def least_squares_bytes(d_in: int, d_sae: int) -> int:
    """Bound the memory of ``least_squares``, besides the SAE and a block of inputs.

    Args:
        d_in: Length of an input.
        d_sae: Number of features.

    Returns:
        Bytes: three float64 [d_sae, d_sae] and six [d_sae, d_in].
    """
    return 8 * (3 * d_sae**2 + 6 * d_sae * d_in)


def least_squares(
    model: SAE,
    batches: Iterable[Tensor],
    *,
    tune: Tune = "scale",
    b_dec: bool = False,
    min_active: int = 1,
    ridge: float = 1e-9,
    max_bytes: int = 2**31,
) -> FineTuned:
    """Find the scale or decoder with the smallest squared error over a stream, with the encoder frozen.

    The normal equations are summed up in float64 in one pass and solved for the change of the weights. The ridge is on
    that change, relative to each feature's own sum of squares: where equations are singular (features that never
    fire, or only together with others) it keeps the weights near what they were; elsewhere it moves the answer by
    about its own size. The squared error over the stream never grows, up to rounding.

    Args:
        model: The SAE, of any architecture; it is not changed.
        batches: Tensors [n, d_in]; read once.
        tune: ``scale`` for one factor per feature, ``decoder`` for all of W_dec.
        b_dec: Whether b_dec is tuned as well.
        min_active: Features that fire on fewer inputs of the stream keep their decoder rows: what fits a handful of
            inputs best says little of others, and may well point the other way.
        ridge: Above 0.
        max_bytes: Limit on ``least_squares_bytes``; the default suffices for d_sae up to about 9000.

    Returns:
        The new SAE; its ``encode`` gives the same bits.

    Raises:
        SAEError: The matrices would be larger than ``max_bytes`` (said before anything is read), the stream is empty
            or not finite, the ridge is too small, or the SAE can't be fine-tuned (it normalises its inputs, or is gated
            and reads the b_dec to tune).
    """
    check_tunable(model, tune, b_dec=b_dec)
    if not ridge > 0:
        raise SAEError(f"ridge must be above 0, found {ridge}")
    n_bytes = least_squares_bytes(model.cfg.d_in, model.cfg.d_sae)
    if n_bytes > max_bytes:
        raise SAEError(
            f"least squares over d_sae={model.cfg.d_sae} features needs {n_bytes / 2**30:.1f} GiB, and max_bytes "
            f"allows {max_bytes / 2**30:.1f}: raise max_bytes, or use gradient_steps, which needs no such matrix"
        )
    sums = moments(model, batches)
    if not (np.isfinite(sums.error_sum).all() and np.isfinite(sums.correlation).all()):
        raise SAEError("the activations to fine-tune on hold NaN or infinite values")
    W_dec = model.W_dec.detach().double().cpu().numpy()
    power, stays = np.diag(sums.gram).copy(), sums.n_active < min_active
    if b_dec:
        sums = _centred(sums)
    scale: Array | None = None
    if tune == "scale":
        row_power = np.square(W_dec).sum(axis=1)
        matrix = W_dec @ W_dec.T
        matrix *= sums.gram
        right = (sums.correlation * W_dec).sum(axis=1)[:, None]
        change = _solve(matrix, right, power * row_power, stays, ridge=ridge)[:, 0]
        scale = 1 + change
        update = change[:, None] * W_dec
    else:
        update = _solve(sums.gram, sums.correlation, power, stays, ridge=ridge)
    record = {
        "method": "least_squares", "tune": tune, "b_dec": b_dec, "min_active": min_active, "ridge": ridge,
        "n_rows": sums.n,
    }  # fmt: skip
    b_update = (sums.error_sum - sums.feature_sum @ update) / sums.n
    return FineTuned(
        sae=with_decoder(
            model,
            W_dec=_like(W_dec + update, model.W_dec),
            b_dec=model.b_dec.detach() + _like(b_update, model.b_dec) if b_dec else None,
            record=record,
        ),
        scale=None if scale is None else _like(scale, model.W_dec),
        n_rows=sums.n,
    )


def _centred(sums: Moments) -> Moments:
    """Take the means out, in place: what the best b_dec leaves to the features."""
    mean = sums.feature_sum / sums.n
    gram, correlation = sums.gram, sums.correlation
    gram -= np.outer(sums.feature_sum, mean)
    correlation -= np.outer(mean, sums.error_sum)
    return sums


def _solve(matrix: Array, right: Array, power: Array, stays: NDArray[np.bool_], *, ridge: float) -> Array:
    """Solve ``matrix @ change = right`` for a positive semi-definite matrix, which is overwritten.

    Args:
        matrix: [d_sae, d_sae].
        right: [d_sae, k].
        power: [d_sae]: the diagonal before centring; where next to nothing of it is left, the change is 0.
        stays: bool [d_sae]: where the change is 0 in any case.
        ridge: Added to the diagonal, which is brought to 1 first.

    Returns:
        [d_sae, k]
    """
    diagonal = np.diag(matrix)
    usable = ~stays & (diagonal > NEGLIGIBLE * power)
    inverse = np.where(usable, 1 / np.sqrt(np.where(usable, diagonal, 1)), 0)  # [d_sae]
    matrix *= inverse
    matrix *= inverse[:, None]
    matrix[np.diag_indices_from(matrix)] += np.where(usable, ridge, 1)
    try:  # transposed, which changes nothing but lets LAPACK work in place
        factor = cho_factor(matrix.T, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError as error:
        raise SAEError(f"the normal equations are singular at ridge={ridge}: choose a larger one") from error
    solved: Array = cho_solve(factor, right * inverse[:, None], check_finite=False)
    return solved * inverse[:, None]


def _like(values: Array, weight: Tensor) -> Tensor:
    return torch.from_numpy(values).to(weight.device, weight.dtype)
