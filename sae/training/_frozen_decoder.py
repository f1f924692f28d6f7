"""Training the encoder alone, against a decoder that stays the random one it started as."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from sae._config import SAEMetadata
from sae._errors import SAEError
from sae.training._config import TrainConfig
from sae.training._history import TrainStep
from sae.training._rows import RowReader
from sae.training._train import TrainResult
from sae.training._trainer import Trainer
from sae.training.steps import Gradient


class _FrozenDecoder(Trainer):
    def _update(self, gradients: Mapping[str, Gradient]) -> None:
        super()._update({**gradients, "decoder": torch.zeros_like(self.weights.decoder)})


def train_frozen_decoder(
    batches: Iterable[Tensor],
    config: TrainConfig,
    *,
    metadata: SAEMetadata | None = None,
    progress: Callable[[TrainStep], None] | None = None,
) -> TrainResult:
    """Train an SAE whose decoder rows stay random directions (the frozen decoder of Korznikov et al. 2026).

    Only the encoder and the biases learn. What such an SAE's features score is what a test gives away to directions
    that no training has found.

    Args:
        batches: See ``train``.
        config: See ``train``; neither tied nor with resampling, which move the decoder by other ways.
        metadata: See ``train``.
        progress: See ``train``.

    Returns:
        The SAE and its history.

    Raises:
        SAEError: The config would move the decoder, or as ``train``.
    """
    if config.architecture == "tied" or config.resamples:
        raise SAEError("a frozen decoder can be neither tied to the encoder nor resampled")
    reader = RowReader(batches)
    sample = reader.peek(min(config.n_init, config.n_tokens))
    if sample is None:
        raise SAEError("there was no activation to train on: the stream is empty")
    trainer, history = _FrozenDecoder(config, sample), list[dict[str, Any]]()
    while trainer.n_done < config.n_steps:
        x = reader.take(config.batch_size)
        if x is None or len(x) < config.batch_size:
            raise SAEError(f"n_tokens is {config.n_tokens}, but the stream ended after {reader.n_read} activations")
        entry = trainer.step(x)
        if entry is not None:
            history.append(asdict(entry))
            if progress is not None:
                progress(entry)
    return TrainResult(trainer.finish(metadata), history)
