"""What the model's next-token loss says of the reconstruction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autointerp.evaluate._estimates import Estimate, TokenMeans
from autointerp.evaluate._figure import COLOURS, MARKERS, new_figure
from autointerp.evaluate._findings import Number, Picture
from autointerp.evaluate._setting import Batch, Setting
from autointerp.evaluate._splice import predict

ABLATE_EVERY = 4
"""One batch of so many is run with ablations: their losses are large, and known well enough from fewer tokens."""
READINGS = {
    "ce_original": "Cross-entropy of the next token with the model as it is, nats a token.",
    "ce_spliced": "Cross-entropy with the SAE's reconstruction in place of the activation.",
    "ce_difference": "Cross-entropy that splicing the SAE in adds, nats a token.",
    "kl": "Kullback-Leibler divergence of the spliced model's next-token distribution from the original's, nats.",
    "ce_zero_ablated": "Cross-entropy with zeros in place of the activation (a quarter of the text).",
    "ce_mean_ablated": "Cross-entropy with the mean activation in its place (the same quarter).",
    "loss_recovered_zero": "(zero-ablated - spliced) / (zero-ablated - original): 1 loses nothing, 0 is no better than "
    "zeros. Easily high: zeros break a model.",
    "loss_recovered_mean": "The same against mean ablation.",
}


class LossMeans:
    """Losses over tokens; BOS and whatever else does not count keep their activations in every one."""

    def __init__(self) -> None:
        """Start empty."""
        self._all, self._ablated = TokenMeans(), TokenMeans()

    def add(self, number: int, batch: Batch, decoded: Tensor, setting: Setting, clusters: NDArray[np.int64]) -> None:
        """Add a batch.

        Args:
            number: Of the batch; every fourth is run with ablations.
            batch: Windows.
            decoded: Reconstructions of the tokens that count, [n, d].
            setting: For model and mean activation.
            clusters: Group of each window, [b].
        """
        original = predict(setting.subject, batch)
        spliced = predict(setting.subject, batch, lambda _: decoded)
        kl = (original.log_probabilities.exp() * (original.log_probabilities - spliced.log_probabilities)).sum(dim=-1)
        losses = {"original": original.loss, "spliced": spliced.loss}
        for name, values in {**losses, "kl": kl}.items():
            self._all.add(name, values, original.counts, clusters)
        if number % ABLATE_EVERY:
            return
        losses["zero"] = predict(setting.subject, batch, torch.zeros_like).loss
        mean = setting.mean_activation
        losses["mean"] = predict(setting.subject, batch, lambda x: mean.to(x.dtype).expand_as(x)).loss
        for name, values in losses.items():
            self._ablated.add(name, values, original.counts, clusters)

    def estimate(self, name: str) -> Estimate:
        """One of ``READINGS``."""
        match name:
            case "ce_zero_ablated" | "ce_mean_ablated":
                return self._ablated.mean(name.removeprefix("ce_").removesuffix("_ablated"))
            case "loss_recovered_zero" | "loss_recovered_mean":
                return self._ablated.of(_recovered(name.removeprefix("loss_recovered_")), rests_on="original")
            case "ce_difference":
                return self._all.of(lambda m: m["spliced"] - m["original"], rests_on="original")
        return self._all.mean(name.removeprefix("ce_"))

    def numbers(self) -> list[Number]:
        """All of ``READINGS``."""
        return [Number(name, self.estimate(name), reading) for name, reading in READINGS.items()]

    def picture(self) -> Picture:
        """The four losses side by side."""
        names = ["ce_original", "ce_spliced", "ce_mean_ablated", "ce_zero_ablated"]
        estimates = [self.estimate(name) for name in names]
        figure, axes = new_figure(width=6.4, height=2.2)
        axis = axes[0, 0]
        for at, estimate in enumerate(estimates):
            error = 2 * estimate.standard_error
            axis.errorbar(estimate.value, at, xerr=error, color=COLOURS[at], marker=MARKERS[at], capsize=3)
            axis.annotate(
                f"{estimate.value:.3f}", (estimate.value, at), (0, 7), textcoords="offset points", ha="center"
            )
        axis.set_yticks(range(len(names)), [name.removeprefix("ce_").replace("_", " ") for name in names])
        axis.set_ylim(len(names) - 0.4, -0.8)
        axis.margins(x=0.08)
        axis.set_xlabel("cross-entropy of the next token, nats (bars: two standard errors)")
        rise, recovered = self.estimate("ce_difference").value, self.estimate("loss_recovered_zero").value
        return Picture(
            figure,
            "Loss with the activation replaced",
            "The nearer the spliced model's loss is to the original's, and the farther from the ablated ones', the "
            f"better. Here splicing adds {rise:.3f} nats a token and recovers {recovered:.1%} of what zeros lose.",
        )


def _recovered(against: str) -> Callable[[Mapping[str, float]], float]:
    def share(means: Mapping[str, float]) -> float:
        lost = means[against] - means["original"]
        return (means[against] - means["spliced"]) / lost if lost else float("nan")

    return share
