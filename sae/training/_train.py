"""Training SAEs on a stream of activations: one, or many that see the same batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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

Target = Callable[[Tensor], Tensor]
"""Gives what is to be reconstructed from activations [n, d_in]: the same shape, on any device."""


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
    target: Target | None = None,
    metadata: SAEMetadata | None = None,
    progress: Callable[[TrainStep], None] | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int | None = None,
) -> TrainResult:
    """Train an SAE.

    Args:
        batches: Tensors [n, d_in] of shuffled activations (see ``ActivationBuffer``); n may vary, batches are cut anew.
        config: Architecture, sizes, loss, schedule.
        target: Gives what the SAE is to reconstruct from activations [n, d_in], of the same shape; by default the
            activations themselves. The encoder of an SAE with another target reads ``x``, not ``x - b_dec``.
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
    report = None if progress is None else lambda _, step: progress(step)
    return train_many(
        batches,
        [config],
        target=target,
        metadata=[metadata],
        progress=report,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
    )[0]


def train_many(
    batches: Iterable[Tensor],
    configs: Sequence[TrainConfig],
    *,
    target: Target | None = None,
    metadata: Sequence[SAEMetadata | None] | None = None,
    progress: Callable[[int, TrainStep], None] | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int | None = None,
) -> list[TrainResult]:
    """Train many SAEs in one pass: each becomes what it would have become alone, bit for bit.

    Args:
        batches: See ``train``; every batch is given to all.
        configs: At least one; all with the same ``n_tokens`` and ``batch_size``.
        target: See ``train``; one for all.
        metadata: One each.
        progress: Called with the number of a config and its logged step.
        checkpoint: See ``train``; one file for all.
        checkpoint_every: See ``train``.

    Returns:
        One result a config, in order.

    Raises:
        SAEError: As ``train``; or the configs differ in ``n_tokens`` or ``batch_size``.
    """
    n_steps, batch_size = _shared_pace(configs)
    every = checkpoint_every or max(1, n_steps // 10)
    if every < 1:
        raise SAEError(f"checkpoint_every must be at least 1, found {checkpoint_every}")
    if checkpoint is not None and checkpoint.exists():
        trainers, reader, histories = _resume(batches, configs, checkpoint, own_target=target is not None)
    else:
        reader = RowReader(batches)
        trainers, histories = _start(reader, configs, target), [[] for _ in configs]
    while trainers[0].n_done < n_steps:
        x = reader.take(batch_size)
        if x is None or len(x) < batch_size:
            n_read = trainers[0].n_seen + (0 if x is None else len(x))
            raise SAEError(f"n_tokens is {configs[0].n_tokens}, but the stream ended after {n_read} activations")
        wanted = None if target is None else target(x)
        for number, trainer in enumerate(trainers):
            entry = trainer.step(x, wanted)
            if entry is not None:
                histories[number].append(asdict(entry))
                if progress is not None:
                    progress(number, entry)
        if checkpoint is not None and trainers[0].n_done % every == 0:
            _save(checkpoint, trainers, batches, reader, histories)
    described = metadata or [None] * len(configs)
    return [
        TrainResult(trainer.finish(one), history)
        for trainer, one, history in zip(trainers, described, histories, strict=True)
    ]


def _shared_pace(configs: Sequence[TrainConfig]) -> tuple[int, int]:
    paces = {(config.n_tokens, config.batch_size) for config in configs}
    if len(paces) != 1:
        raise SAEError(
            f"SAEs trained in one pass need one n_tokens and one batch_size, found {len(paces)} pairs of them"
        )
    return configs[0].n_steps, configs[0].batch_size


def _start(reader: RowReader, configs: Sequence[TrainConfig], target: Target | None) -> list[Trainer]:
    trainers = []
    for config in configs:
        sample = reader.peek(min(config.n_init, config.n_tokens))
        if sample is None:
            raise SAEError("there was no activation to train on: the stream is empty")
        trainers.append(Trainer(config, sample, None if target is None else target(sample)))
    return trainers


def _save(
    checkpoint: Path,
    trainers: Sequence[Trainer],
    batches: Iterable[Tensor],
    reader: RowReader,
    histories: list[list[dict[str, Any]]],
) -> None:
    buffer = batches.state_dict() if isinstance(batches, ActivationBuffer) else None
    states = [trainer.state_dict() for trainer in trainers]
    state = {"trainers": states, "buffer": buffer, "pending": reader.pending(), "histories": histories}
    write_checkpoint(checkpoint, [trainer.config for trainer in trainers], state)


def _resume(
    batches: Iterable[Tensor], configs: Sequence[TrainConfig], checkpoint: Path, *, own_target: bool
) -> tuple[list[Trainer], RowReader, list[list[dict[str, Any]]]]:
    state = read_checkpoint(checkpoint, configs)
    trainers = []
    for config, saved in zip(configs, state["trainers"], strict=True):
        d_in = saved["weights"]["b_dec"].shape[0]
        sample = torch.ones(1, d_in)  # what it would decide is in the state
        trainer = Trainer(config, sample, sample if own_target else None)
        trainer.load_state_dict(saved)
        trainers.append(trainer)
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
        reader.skip(trainers[0].n_seen)
    return trainers, reader, state["histories"]
