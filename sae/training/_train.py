"""Training an SAE on a stream of activations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sae._config import SAEMetadata
from sae._errors import SAEError
from sae._model import SAE
from sae.training._buffer import ActivationBuffer
from sae.training._checkpoint import read_checkpoint, write_checkpoint
from sae.training._config import TrainConfig
from sae.training._history import TrainStep
from sae.training._rows import RowReader
from sae.training._trainer import Trainer


@dataclass(frozen=True)
class TrainResult:
    """What a training gives."""

    sae: SAE
    """Takes raw activations."""
    history: list[dict[str, Any]]
    """One dict per logged step, with the fields of ``TrainStep``."""


def train(
    batches: Iterable[Tensor],
    config: TrainConfig,
    *,
    metadata: SAEMetadata | None = None,
    progress: Callable[[TrainStep], None] | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int | None = None,
) -> TrainResult:
    """Train an SAE.

    Args:
        batches: Tensors [n, d_in] of shuffled activations (see ``ActivationBuffer``); n may vary, batches are cut anew.
        config: Architecture, sizes, loss, schedule.
        metadata: Where the activations came from; the dead features and the config (in ``extra``) are added.
        progress: Called at every logged step.
        checkpoint: A file. Where it exists the training goes on from it, and on a CPU ends with the same bits as one
            that was never stopped. ``batches`` must be what they were: an ``ActivationBuffer`` is set to where it
            stood, of anything else the vectors already used are read past. The file stays when the training is done.
        checkpoint_every: Steps between two writings of that file; by default a tenth of all steps.

    Returns:
        The SAE and its history.

    Raises:
        SAEError: The stream ends before ``config.n_tokens``, holds something else than [n, d_in] floating point, the
            loss is no longer a finite number, or the checkpoint is of another training.
    """
    every = checkpoint_every or max(1, config.n_steps // 10)
    if every < 1:
        raise SAEError(f"checkpoint_every must be at least 1, found {checkpoint_every}")
    if checkpoint is not None and checkpoint.exists():
        trainer, reader, history = _resume(batches, config, checkpoint)
    else:
        reader, history = RowReader(batches), []
        sample = reader.peek(min(config.n_init, config.n_tokens))
        if sample is None:
            raise SAEError("there was no activation to train on: the stream is empty")
        trainer = Trainer(config, sample)
    while trainer.n_done < config.n_steps:
        x = reader.take(config.batch_size)
        if x is None or len(x) < config.batch_size:
            n_read = trainer.n_seen + (0 if x is None else len(x))
            raise SAEError(f"n_tokens is {config.n_tokens}, but the stream ended after {n_read} activations")
        entry = trainer.step(x)
        if entry is not None:
            history.append(asdict(entry))
            if progress is not None:
                progress(entry)
        if checkpoint is not None and trainer.n_done % every == 0:
            _save(checkpoint, trainer, batches, reader, history)
    return TrainResult(trainer.finish(metadata), history)


def _save(
    checkpoint: Path, trainer: Trainer, batches: Iterable[Tensor], reader: RowReader, history: list[dict[str, Any]]
) -> None:
    buffer = batches.state_dict() if isinstance(batches, ActivationBuffer) else None
    state = {"trainer": trainer.state_dict(), "buffer": buffer, "pending": reader.pending(), "history": history}
    write_checkpoint(checkpoint, trainer.config, state)


def _resume(
    batches: Iterable[Tensor], config: TrainConfig, checkpoint: Path
) -> tuple[Trainer, RowReader, list[dict[str, Any]]]:
    state = read_checkpoint(checkpoint, config)
    d_in = state["trainer"]["weights"]["b_dec"].shape[0]
    trainer = Trainer(config, torch.ones(1, d_in))  # what a sample would decide is in the state
    trainer.load_state_dict(state["trainer"])
    buffered = isinstance(batches, ActivationBuffer)
    if buffered != (state["buffer"] is not None):
        kinds = ("an ActivationBuffer", "another stream")
        before, now = kinds if state["buffer"] is not None else kinds[::-1]
        raise SAEError(f"{checkpoint} is of a training on {before}, this one is given {now}")
    if isinstance(batches, ActivationBuffer):
        batches.load_state_dict(state["buffer"])
        reader = RowReader(batches, pending=state["pending"])
    else:
        reader = RowReader(batches)
        reader.skip(trainer.n_seen)
    return trainer, reader, state["history"]
