"""Everything least squares needs to know about any number of inputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sae._errors import SAEError
from sae._model import SAE
from sae._sparse_rows import add_product, sparse_rows

Array = NDArray[np.float64]

BLOCK_ROWS = 256
"""Inputs at a time."""


@dataclass(frozen=True)
class Moments:
    """Sums over inputs, in float64, with f the features and e = x - reconstruction."""

    gram: Array
    """[d_sae, d_sae]: sum of f f^T."""
    correlation: Array
    """[d_sae, d_in]: sum of f e^T."""
    feature_sum: Array
    """[d_sae]: sum of f."""
    error_sum: Array
    """[d_in]: sum of e."""
    n_active: NDArray[np.int64]
    """[d_sae]: inputs on which each feature fires."""
    n: int
    """Inputs."""


@torch.no_grad()
def moments(model: SAE, batches: Iterable[torch.Tensor]) -> Moments:
    """Sum up a stream, once.

    Args:
        model: The SAE.
        batches: Tensors [n, d_in].

    Returns:
        The sums.

    Raises:
        SAEError: There was no input.
    """
    d_in, d_sae = model.cfg.d_in, model.cfg.d_sae
    W_dec, b_dec = model.W_dec.detach().double().cpu().numpy(), model.b_dec.detach().double().cpu().numpy()
    gram, correlation = np.zeros((d_sae, d_sae)), np.zeros((d_sae, d_in))
    feature_sum, error_sum, n = np.zeros(d_sae), np.zeros(d_in), 0
    n_active = np.zeros(d_sae, dtype=np.int64)
    for batch in batches:
        for rows in torch.split(batch, BLOCK_ROWS):
            features = sparse_rows(model.encode_sparse(rows.to(model.W_enc.device)))
            error = rows.double().cpu().numpy() - (features @ W_dec + b_dec)
            add_product(gram, features, features)
            correlation += features.T @ error
            feature_sum += features.sum(axis=0)
            error_sum += error.sum(axis=0)
            n_active += np.bincount(features.indices, minlength=d_sae)
            n += len(rows)
    if not n:
        raise SAEError("there was no activation to fine-tune on: the stream is empty")
    return Moments(gram, correlation, feature_sum, error_sum, n_active, n)
