"""Everything least squares needs to know about any number of inputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from sae._errors import SAEError
from sae._model import SAE
from sae._sparse import SparseActs

Array = NDArray[np.float64]

BLOCK_ROWS = 256
"""Inputs at a time."""
SPARSE_SHARE = 5
"""Pairs of active features are added one by one while a block has fewer than d_sae^2 / 5 of them."""


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
    for batch in batches:
        for rows in torch.split(batch, BLOCK_ROWS):
            features = _matrix(model.encode_sparse(rows.to(model.W_enc.device)))
            error = rows.double().cpu().numpy() - (features @ W_dec + b_dec)
            _add_gram(gram, features)
            correlation += features.T @ error
            feature_sum += features.sum(axis=0)
            error_sum += error.sum(axis=0)
            n += len(rows)
    if not n:
        raise SAEError("there was no activation to fine-tune on: the stream is empty")
    return Moments(gram, correlation, feature_sum, error_sum, n)


def _matrix(acts: SparseActs) -> Any:
    """Give the features as a float64 [n_rows, d_sae] in compressed rows."""
    ends = torch.searchsorted(acts.row, torch.arange(acts.n_rows + 1, device=acts.row.device))
    content = (acts.value.double().cpu().numpy(), acts.feature.cpu().numpy(), ends.cpu().numpy())
    return csr_array(content, shape=(acts.n_rows, acts.d_sae))


def _add_gram(gram: Array, features: Any) -> None:
    """Add ``features.T @ features``, pair by pair where few features fire together."""
    n_pairs = int(np.square(np.diff(features.indptr)).sum())
    if SPARSE_SHARE * n_pairs < gram.size:
        pairs = (features.T @ features).tocoo()
        gram[pairs.row, pairs.col] += pairs.data  # no position comes twice
    else:
        dense = features.toarray()
        gram += dense.T @ dense
