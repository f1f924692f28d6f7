"""The TopK SAE."""

from __future__ import annotations

import torch
from torch import Tensor

from sae._model import EVERY, SAE


class TopK(SAE):
    """The k largest of ``x' @ W_enc + b_enc``, then ReLU (Gao et al. 2024, arXiv:2406.04093).

    They are chosen before the ReLU, so a token has at most k features. Of equal ones the lowest indices are chosen.
    """

    def encode_features(self, x: Tensor, features: Tensor) -> Tensor:
        """Turn activations into only some of the features, at the cost of all: they compete.

        Args:
            x: [n, d_in].
            features: int64 [m], ids below d_sae, in any order.

        Returns:
            [n, m]: ``encode(x)[:, features]``, up to floating-point rounding.

        Raises:
            SAEError: The last dimension is not d_in, or a feature does not exist.
        """
        features, x, bias = self._known(features), self._input(x), self._bias()
        chunks = [x.new_empty(0, len(features))]
        for _, rows in self._chunks(x):
            chunks.append(self._activate(torch.addmm(bias, rows, self.W_enc))[:, features])
        return torch.cat(chunks)

    def _fires(self, pre: Tensor, of: Tensor | slice = EVERY) -> Tensor:  # noqa: ARG002
        return largest(pre, self.cfg.k or 0) & (pre > 0)


@torch.no_grad()
def largest(pre: Tensor, k: int) -> Tensor:
    """Mark the k largest of each row; of equal ones the lowest indices.

    Args:
        pre: [n, m].
        k: 1..m.

    Returns:
        bool [n, m], k of them true in each row.
    """
    m = pre.shape[1]
    values = pre.topk(min(k + 1, m)).values  # descending: [n, k or k + 1]
    kth = values[:, k - 1 : k]  # [n, 1]
    chosen = pre >= kth
    if k < m and bool((crowded := values[:, k] == values[:, k - 1]).any()):
        rows, bar = pre[crowded], kth[crowded]
        n_free = k - (rows > bar).sum(dim=1, keepdim=True)
        at_bar = rows == bar
        chosen[crowded] = (rows > bar) | (at_bar & (at_bar.cumsum(dim=1) <= n_free))
    return chosen
