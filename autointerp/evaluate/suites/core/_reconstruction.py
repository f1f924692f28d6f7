"""Errors of the reconstruction."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import sae
from autointerp.evaluate._estimates import Estimate, TokenMeans
from autointerp.evaluate._figure import COLOURS, new_figure
from autointerp.evaluate._findings import Number, Picture
from sae.metrics import row_errors

CHUNK_ELEMENTS = 2**24
"""Dense activations held at once: 64 MiB in float32."""
EDGES = {"cosine": np.linspace(0, 1, 41), "l2_ratio": np.linspace(0, 1.6, 41)}
"""Of the histograms; what lies outside is in the bins at the ends."""
READINGS = {
    "l0": "Features that fire for a token, on average.",
    "mse": "Squared error per dimension.",
    "squared_error": "Squared error summed over dimensions (the loss of Bricken et al. and most since).",
    "distance": "Length of the error (what dictionary_learning's README calls MSE).",
    "mse_over_norm": "Squared error per dimension over |x| (Bloom's first loss).",
    "mse_over_centred_norm": "Squared error per dimension over |x - mean| (Bloom's later loss, Farrell's MSE).",
    "relative_error": "Squared error over |x|^2; the sum of the next two, exactly.",
    "direction_error": "Part of the relative error from a wrong direction: 1 - cosine^2.",
    "length_error": "Part of the relative error from a wrong length: (L2 ratio - cosine)^2. Shrinkage is in it.",
    "fvu": "Fraction of variance unexplained: mean squared error over mean squared distance from the mean activation "
    "(normalised MSE of Gao et al.; 1 - explained variance).",
    "fvu_per_token": "The same fraction token by token, then averaged (1 minus it is SAELens's first explained "
    "variance); tokens near the mean weigh most.",
    "cosine": "Cosine of activation and reconstruction.",
    "l2_ratio": "Length of the reconstruction over length of the activation; below 1 the SAE shrinks.",
}


def reconstruct(model: sae.SAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """Encode and decode with a bounded number of dense features at a time.

    Args:
        model: The SAE.
        x: [n, d].

    Returns:
        Reconstruction [n, d], and how many features fire for each input, int64 [n].
    """
    decoded, counts = [], []
    for rows in torch.split(x, max(1, CHUNK_ELEMENTS // model.cfg.d_sae)):
        features = model.encode(rows)
        decoded.append(model.decode(features, x=rows))
        counts.append((features > 0).sum(dim=-1))
    return torch.cat(decoded), torch.cat(counts)


class ReconstructionMeans:
    """Means of all errors over tokens."""

    def __init__(self, mean: Tensor) -> None:
        """Start empty.

        Args:
            mean: Mean activation, [d].
        """
        self._mean = mean
        self._means = TokenMeans()
        self._gap = 0.0
        self._counts = {name: np.zeros(len(edges) - 1) for name, edges in EDGES.items()}

    def add(self, x: Tensor, decoded: Tensor, l0: Tensor, kept: Tensor, clusters: NDArray[np.int64]) -> None:
        """Add a batch.

        Args:
            x: Activations of the tokens that count, [n, d].
            decoded: Their reconstructions, [n, d].
            l0: Features that fire for each, [n].
            kept: bool [b, t], true n times: where they are.
            clusters: Group of each window, [b].
        """
        errors = row_errors(x, decoded, self._mean)
        for name, values in {**errors, "l0": l0.double()}.items():
            grid = torch.full(kept.shape, torch.nan, dtype=torch.float64, device=kept.device)
            grid[kept] = values
            self._means.add(name, grid, ~grid.isnan(), clusters)
        gap = (errors["relative_error"] - errors["direction_error"] - errors["length_error"]).abs()
        self._gap = max(self._gap, *gap[~gap.isnan()].tolist(), 0.0)
        for name, edges in EDGES.items():
            known = errors[name][~errors[name].isnan()].cpu().numpy()
            self._counts[name] += np.histogram(np.clip(known, edges[0], edges[-1]), edges)[0]

    def estimate(self, name: str) -> Estimate:
        """One of ``READINGS``."""
        if name == "fvu":
            return self._means.of(lambda m: m["squared_error"] / m["squared_deviation"], rests_on="squared_error")
        return self._means.mean(name)

    def numbers(self) -> list[Number]:
        """All of ``READINGS``."""
        return [Number(name, self.estimate(name), reading) for name, reading in READINGS.items()]

    def identity(self) -> str:
        """How exactly the relative error splits, as a sentence."""
        return (
            "For every token |x - reconstruction|^2 / |x|^2 = (1 - cosine^2) + (L2 ratio - cosine)^2; the largest "
            f"difference between the two sides here is {self._gap:.1e}."
        )

    def picture(self) -> Picture:
        """Histograms of cosine and L2 ratio."""
        figure, axes = new_figure(1, 2, width=7.2, height=2.8)
        for number, (axis, (name, edges)) in enumerate(zip(axes[0], EDGES.items(), strict=True)):
            share = self._counts[name] / max(self._counts[name].sum(), 1)
            mean = self.estimate(name).value
            axis.stairs(share, edges, fill=True, color=COLOURS[number], alpha=0.75)
            axis.axvline(mean, color=COLOURS[6], linestyle="--", label=f"mean {mean:.3f}")
            axis.set_xlabel(f"{name.replace('_', ' ').replace('l2', 'L2')} of activation and reconstruction")
            axis.set_ylabel("share of tokens")
            axis.legend(loc="upper left")
        cosine, ratio = self.estimate("cosine").value, self.estimate("l2_ratio").value
        return Picture(
            figure,
            "Direction and length of reconstructions",
            "Each token's reconstruction compared with its activation: a perfect SAE has all tokens at 1 in both; what "
            f"lies outside the axes is in the bars at their ends. Here the mean cosine is {cosine:.3f} and the mean "
            f"length {ratio:.3f} of the activation's.",
        )
