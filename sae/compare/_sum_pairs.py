"""An SAE that is known to be worse."""

from __future__ import annotations

import torch

from sae._model import SAE


@torch.no_grad()
def sum_random_pairs(model: SAE, seed: int) -> SAE:
    """Sum the encoder directions and biases of features in random pairs; both members of a pair get the sum.

    Each feature then fires for what either of the two fired for, so a test of interpretability must notice.
    The decoder is untouched. With an odd number of features one stays as it was.

    Args:
        model: Any SAE; it is not changed.
        seed: Decides the pairs.

    Returns:
        A new SAE with the same config.
    """
    order = torch.randperm(model.cfg.d_sae, generator=torch.Generator().manual_seed(seed))
    half = len(order) // 2
    first, second = order[:half], order[half : 2 * half]
    W_enc, b_enc = model.W_enc.clone(), model.b_enc.clone()
    for pair in (first, second):
        W_enc[:, pair] = model.W_enc[:, first] + model.W_enc[:, second]
        b_enc[pair] = model.b_enc[first] + model.b_enc[second]
    return SAE(model.cfg, W_enc=W_enc, b_enc=b_enc, W_dec=model.W_dec.clone(), b_dec=model.b_dec.clone())
