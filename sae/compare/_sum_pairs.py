"""An SAE that is known to be worse."""

from __future__ import annotations

import torch

from sae._model import SAE
from sae.architectures import build

_SUMMED = {"W_enc", "b_enc", "b_gate", "b_mag", "threshold"}


@torch.no_grad()
def sum_random_pairs(model: SAE, seed: int) -> SAE:
    """Sum the encoder directions, biases and thresholds of features in random pairs; both members get the sum.

    Each feature then fires for what either of the two fired for, so a test of interpretability must notice.
    The decoder is untouched. With an odd number of features one stays as it was. A gated SAE's ``r_mag`` are averaged.

    Args:
        model: Any SAE; it is not changed.
        seed: Decides the pairs.

    Returns:
        A new SAE; where encoder and decoder or all thresholds were one, they are not any more (see ``SAE.plain``).
    """
    plain = model.plain()
    order = torch.randperm(plain.cfg.d_sae, generator=torch.Generator().manual_seed(seed))
    half = len(order) // 2
    first, second = order[:half], order[half : 2 * half]
    tensors = {name: tensor.clone() for name, tensor in plain.tensors().items()}
    for name, tensor in plain.tensors().items():
        if name in _SUMMED or name == "r_mag":
            total = tensor[..., first] + tensor[..., second]  # W_enc has a column a feature, the others an entry
            for pair in (first, second):
                tensors[name][..., pair] = total / 2 if name == "r_mag" else total
    return build(plain.cfg, tensors)
