"""What a reconstruction leaves unexplained, token by token, as means with errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from autointerp.evaluate._estimates import Estimate, TokenMeans
from sae.metrics import row_l2_ratio


def spread(values: Tensor, kept: Tensor) -> Tensor:
    """Values of the tokens that count, back in their windows.

    Args:
        values: [n, ...], in order.
        kept: bool [b, t] with n true.

    Returns:
        [b, t, ...], 0 elsewhere.
    """
    found = values.new_zeros(*kept.shape, *values.shape[1:])
    found[kept] = values
    return found


class Unexplained:
    """Sums from which the fraction of variance unexplained and the L2 ratio follow."""

    def __init__(self) -> None:
        """Start empty."""
        self._means = TokenMeans()

    def add(
        self, x: Tensor, output: Tensor, kept: Tensor, clusters: NDArray[np.int64], among: Tensor | None = None
    ) -> None:
        """Add a batch.

        Args:
            x: Activations of the tokens that count, [n, d].
            output: Their reconstructions, [n, d].
            kept: bool [b, t] with n true.
            clusters: Group of near-duplicate documents of each window, [b].
            among: bool [b, t]: only these of them (default: all).
        """
        among = kept if among is None else kept & among
        error = (output.double() - x.double()).square().sum(dim=-1)
        for name, values in {"x": x, "square": x.double().square().sum(dim=-1), "error": error}.items():
            self._means.add(name, spread(values, kept), among, clusters)
        ratio = spread(row_l2_ratio(x, output), kept)
        self._means.add("ratio", ratio, among & ~ratio.isnan(), clusters)

    @property
    def n(self) -> int:
        """Tokens so far."""
        return self._means.n("x")

    @property
    def fvu(self) -> Estimate:
        """Squared error over squared distance from the mean of these tokens."""

        def unexplained(means: Mapping[str, Any]) -> float:
            variance = means["square"] - (means["x"] ** 2).sum()
            return float(means["error"] / variance) if variance > 0 else float("nan")

        return self._means.of(unexplained, rests_on="error")

    @property
    def l2_ratio(self) -> Estimate:
        """Mean of ``|reconstruction| / |x|``."""
        return self._means.mean("ratio")
