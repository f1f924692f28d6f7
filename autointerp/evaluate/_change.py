"""What another decoder for the same encoder changes, on the same tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

import sae
from autointerp.errors import AutointerpError
from autointerp.evaluate._estimates import Estimate, TokenMeans
from autointerp.evaluate._explained_variance import spread
from autointerp.evaluate._reconstruct import decode_sparse
from autointerp.evaluate._setting import Batch, Setting
from autointerp.evaluate._splice import added_loss, predict
from sae.metrics import row_cosine, row_l2_ratio

Means = Mapping[str, Any]


class _ReadOff(Protocol):
    """A figure of one of the two SAEs, from means over tokens."""

    def __call__(self, means: Means, which: str) -> float:
        """``which`` is ``before`` or ``after``."""


_READ_OFF: dict[str, _ReadOff] = {
    "fvu": lambda means, which: means[f"{which} error"] / (means["square"] - (means["x"] ** 2).sum()),
    "mse": lambda means, which: means[f"{which} error"] / len(means["x"]),
    "l2_ratio": lambda means, which: means[f"{which} ratio"],
    "cosine": lambda means, which: means[f"{which} cosine"],
    "l0": lambda means, which: means[f"{which} l0"],
    "loss_added": lambda means, which: means[f"{which} loss"],
    "loss_recovered": lambda means, which: 1 - means[f"{which} loss"] / means["zero loss"],
}
_OF_LOSS = {"loss_added", "loss_recovered"}


@dataclass(frozen=True)
class Change:
    """The same figures of two SAEs."""

    before: dict[str, float]
    """``fvu``, ``mse`` (a dimension), ``l2_ratio``, ``cosine``, ``l0``; and unless the model is an encoder
    ``loss_added`` (nats a token) and ``loss_recovered`` (of what zeros in the activation's place lose)."""
    after: dict[str, float]
    difference: dict[str, Estimate]
    """``after - before``, with the standard errors of differences on the same documents."""
    n_tokens: int


def measure_change(setting: Setting, before: sae.SAE, after: sae.SAE, rows: NDArray[np.int64]) -> Change:
    """Measure two SAEs that differ in their decoders alone.

    Args:
        setting: Model, text, and which tokens count.
        before: The one SAE.
        after: The other, with the same encoder.
        rows: Numbers of the windows to measure on.

    Raises:
        AutointerpError: An activation differs between the two.
        UsageError: There is no token to measure on.
    """
    pair, means = {"before": before, "after": after}, TokenMeans()
    for batch in setting.batches("held-out text", rows=rows):
        _add(means, setting, batch, pair)
    names = [name for name in _READ_OFF if _has_loss(setting) or name not in _OF_LOSS]

    def estimate(name: str, function: Callable[[Means], float]) -> Estimate:
        return means.of(function, rests_on="zero loss" if name in _OF_LOSS else "square")

    return Change(
        before={name: estimate(name, partial(_READ_OFF[name], which="before")).value for name in names},
        after={name: estimate(name, partial(_READ_OFF[name], which="after")).value for name in names},
        difference={name: estimate(name, partial(_gap, name)) for name in names},
        n_tokens=means.n("square"),
    )


def _gap(name: str, means: Means) -> float:
    return _READ_OFF[name](means, which="after") - _READ_OFF[name](means, which="before")


def _has_loss(setting: Setting) -> bool:
    return setting.subject.kind == "decoder"


@torch.no_grad()
def _add(means: TokenMeans, setting: Setting, batch: Batch, pair: Mapping[str, sae.SAE]) -> None:
    """Add a batch of windows to all sums."""
    clusters = setting.clusters(batch.rows)
    x = setting.subject.residuals(batch.tokens)[batch.kept].float()  # [n, d]
    acts = {which: model.encode_sparse(x) for which, model in pair.items()}
    if not _same(acts["before"], acts["after"]):
        raise AutointerpError("The two SAEs encode the same text differently: this is an error of the program.")

    def add(name: str, values: torch.Tensor) -> None:
        """One quantity of the tokens that count, [n] or [n, d]; nan where a token has none."""
        placed = spread(values, batch.kept)  # [b, t] or [b, t, d]
        known = batch.kept & ~placed.isnan() if placed.ndim == 2 else batch.kept
        means.add(name, placed, known, clusters)

    add("x", x)
    add("square", x.double().square().sum(dim=-1))
    outputs = {which: decode_sparse(model, acts[which], x) for which, model in pair.items()}
    for which, output in outputs.items():
        add(f"{which} l0", torch.bincount(acts[which].row, minlength=len(x)).double())
        add(f"{which} error", (output.double() - x.double()).square().sum(dim=-1))
        add(f"{which} ratio", row_l2_ratio(x, output))
        add(f"{which} cosine", row_cosine(x, output))
    if _has_loss(setting):
        original = predict(setting.subject, batch)
        for which, output in {**outputs, "zero": torch.zeros_like(x)}.items():
            loss = added_loss(setting.subject, batch, output, original)
            means.add(f"{which} loss", loss, original.counts, clusters)


def _same(acts: sae.SparseActs, others: sae.SparseActs) -> bool:
    return all(torch.equal(getattr(acts, name), getattr(others, name)) for name in ("row", "feature", "value"))
