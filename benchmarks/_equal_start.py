"""Two trainers from one start: the loss before every step, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

EVERY = 5
"""Steps between two points of the curves that are written."""


def loss_curves(ours: Any, theirs: Any, draw: Callable[[], Tensor], n_steps: int) -> dict[str, object]:
    """Train this project's SAE and SAELens's on the same batches, from the same weights.

    What makes the two formulas one: SAELens rescales nothing by decoder norms (its TopK has a switch for it, its L1
    penalty is overridden, see ``plain_l1``), and ours leaves decoder norms free. The rest is both programs' own way:
    squared error summed over d_in plus the penalty, averaged over the batch; the gradient's norm limited to 1; Adam.

    Args:
        ours: A ``sae.training.Trainer`` that logs every step.
        theirs: A ``SAETrainer`` of sae_lens.
        draw: Gives a batch [n, d_in].
        n_steps: How many.

    Returns:
        Both losses (squared error plus penalty) at every fifth step, and the largest relative difference at any step.
    """
    copy_weights(ours.weights, theirs.sae)
    losses: list[tuple[float, float]] = []
    for _ in range(n_steps):
        x = draw()
        losses.append((ours.step(x).loss, float(theirs.step(x).loss)))
        theirs.n_training_steps += 1
    return {
        "steps": list(range(1, n_steps + 1, EVERY)),
        "autointerp": [round(pair[0], 4) for pair in losses[::EVERY]],
        "sae_lens": [round(pair[1], 4) for pair in losses[::EVERY]],
        "largest_relative_difference": float(f"{max(abs(a - b) / b for a, b in losses):.2g}"),
    }


def copy_weights(weights: Any, model: Any) -> None:
    """Give a model of sae_lens the weights of a trainer; both biases of the encoder are 0 at the start."""
    with torch.no_grad():
        model.W_enc.copy_(weights.encoder.T)
        model.b_enc.copy_(weights.b_enc)
        model.W_dec.copy_(weights.decoder)
        model.b_dec.copy_(weights.b_dec)


def plain_l1(kind: type) -> type:
    """SAELens's standard SAE with a penalty on the features alone, where its own is on features times decoder norms."""

    class PlainL1(kind):  # type: ignore[misc]
        def calculate_aux_loss(self, step_input: Any, feature_acts: Tensor, **_: Any) -> dict[str, Tensor]:
            return {"l1_loss": (step_input.coefficients["l1"] * feature_acts.sum(dim=-1)).mean()}

    return PlainL1
