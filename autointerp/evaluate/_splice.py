"""The model's loss with something else in place of what the SAE reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from autointerp.evaluate._setting import Batch
from autointerp.subject import Patch, Subject

Replace = Callable[[Tensor], Tensor]
"""Takes the activations of the tokens that count, [n, d], gives what stands in their place."""


@dataclass(frozen=True)
class Predictions:
    """Next-token log-probabilities of one batch."""

    log_probabilities: Tensor
    """[b, t - 1, v]."""
    loss: Tensor
    """Cross-entropy of the token that follows, nats, [b, t - 1]."""
    counts: Tensor
    """bool [b, t - 1]: positions that count and have a real token after them."""


@torch.no_grad()
def predict(subject: Subject, batch: Batch, replace: Replace | None = None) -> Predictions:
    """Run the model on a batch, with the activations of the tokens that count replaced.

    BOS and whatever else does not count keep their activations: SAEs are not trained on them, and what breaks there
    breaks the whole window.

    Args:
        subject: The model, with the hook point picked out.
        batch: Windows.
        replace: What to put in their place; None runs the model as it is.

    Returns:
        Its predictions.

    Raises:
        UsageError: The model is an encoder.
    """
    patch = None if replace is None else on_kept(batch, replace)
    return read_predictions(subject.logits(batch.tokens, patch), batch)


def added_loss(subject: Subject, batch: Batch, output: Tensor, original: Predictions) -> Tensor:
    """Loss that a reconstruction adds to each prediction.

    Args:
        subject: The model, with the hook point picked out.
        batch: Windows.
        output: What stands in place of the activations of the tokens that count, [n, d].
        original: Predictions of the model as it is.

    Returns:
        Nats, [b, t - 1].
    """
    return predict(subject, batch, lambda _: output).loss - original.loss


def on_kept(batch: Batch, replace: Replace) -> Patch:
    """A patch that replaces the activations of the tokens that count, and leaves the others.

    Args:
        batch: Windows.
        replace: What to put in their place.
    """

    def patch(activation: Tensor) -> Tensor:
        changed = activation.clone()  # [b, t, d]
        changed[batch.kept] = replace(activation[batch.kept]).to(activation.dtype)
        return changed

    return patch


def read_predictions(logits: Tensor, batch: Batch) -> Predictions:
    """Turn a batch's logits, [b, t, v], into log-probabilities and losses."""
    log_probabilities = torch.log_softmax(logits[:, :-1].float(), dim=-1)  # [b, t - 1, v]
    target = batch.tokens[:, 1:]
    loss = -log_probabilities.gather(-1, target[..., None]).squeeze(-1)
    has_next = torch.arange(1, batch.tokens.shape[1], device=target.device) < batch.lengths[:, None]
    return Predictions(log_probabilities, loss, batch.kept[:, :-1] & has_next)
