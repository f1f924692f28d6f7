"""Training an SAE on a stream of activations."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam

from sae._config import SAEConfig, SAEMetadata
from sae._errors import SAEError
from sae._model import SAE
from sae.training._config import TrainConfig
from sae.training._firing import FiringRecord
from sae.training._fold import average_norm_scale, fold_decoder_norm, fold_input_scale
from sae.training._geometric_median import geometric_median
from sae.training._gradients import SPARSE_DENSITY, Step, dense_step, sparse_step
from sae.training._loss import LossWeights, loss_weights
from sae.training._resample import N_CANDIDATES, candidate_losses, draw_inputs, replant
from sae.training._rows import RowReader
from sae.training._weights import Weights, initial_weights, remove_parallel_, unit_rows_


@dataclass(frozen=True)
class TrainStep:
    """One entry of the training history; loss, mse and L0 are the batch's, in the units of the scaled inputs."""

    step: int
    """From 1 to ``n_steps``."""
    n_steps: int
    """Steps in all."""
    n_tokens: int
    """Vectors seen so far."""
    loss: float
    """Squared error plus penalty, in the units of ``l1_reduction``."""
    mse: float
    """Mean over inputs and dimensions."""
    fvu: float
    """Fraction of the batch's variance unexplained."""
    l0: float
    """Features that fire for an input, on average."""
    n_dead: int
    """Features without a firing in the last window."""
    n_resampled: int
    """Features resampled so far."""
    lr: float
    """Learning rate of the step."""
    l1_coefficient: float
    """L1 coefficient of the step."""


@dataclass(frozen=True)
class TrainResult:
    """What a training gives."""

    sae: SAE
    """Takes raw activations; decoder rows have norm 1."""
    history: list[dict[str, Any]]
    """One dict per logged step, with the fields of ``TrainStep``."""


def train(
    batches: Iterable[Tensor],
    config: TrainConfig,
    *,
    metadata: SAEMetadata | None = None,
    progress: Callable[[TrainStep], None] | None = None,
) -> TrainResult:
    """Train a ReLU SAE with an L1 penalty.

    Args:
        batches: Tensors [n, d_in] of shuffled activations (see ``ActivationBuffer``); n may vary, batches are cut anew.
        config: Sizes, loss, schedule.
        metadata: Where the activations came from; the dead features and the config (in ``extra``) are added.
        progress: Called at every logged step.

    Returns:
        The SAE and its history.

    Raises:
        SAEError: The stream ends before ``config.n_tokens``, holds something else than [n, d_in] floating point, or the
            loss is no longer a finite number.
    """
    reader = RowReader(batches)
    sample = reader.take(min(config.n_init, config.n_tokens))
    if sample is None:
        raise SAEError("there was no activation to train on: the stream is empty")
    trainer = _Trainer(sample.to(config.device, torch.float32), config)
    again = RowReader(_chain(sample, reader, config.batch_size))
    history: list[dict[str, Any]] = []
    for step in range(1, config.n_steps + 1):
        x = again.take(config.batch_size)
        if x is None or len(x) < config.batch_size:
            raise SAEError(f"n_tokens is {config.n_tokens}, but the stream ended after {reader.n_read} activations")
        entry = trainer.step(step, x.to(config.device, torch.float32))
        if entry is not None:
            history.append(asdict(entry))
            if progress is not None:
                progress(entry)
    return TrainResult(trainer.finish(metadata or SAEMetadata()), history)


class _Trainer:
    """The state of a training: weights, optimizer, and what is known about the features."""

    def __init__(self, sample: Tensor, config: TrainConfig) -> None:
        self.config = config
        self.d_in = sample.shape[1]
        self.d_sae = config.n_features(self.d_in)
        self.scale = average_norm_scale(sample) if config.normalise == "expected_average" else 1.0
        self.weights = initial_weights(self.d_sae, _initial_b_dec(sample * self.scale, config.b_dec_init), config.seed)
        fused = sample.device.type in {"cpu", "cuda"}
        self.optimizer = Adam(self.weights.tensors(), lr=config.lr, betas=config.betas, fused=fused)
        self.firing = FiringRecord(
            self.d_sae, window=min(config.resample_dead_window, config.n_steps), device=sample.device
        )
        self.generator = torch.Generator().manual_seed(config.seed)
        self.recent: deque[Tensor] = deque(maxlen=-(-N_CANDIDATES // config.batch_size))
        self.density = 1.0  # of the step before; decides how gradients are computed
        self.n_resampled = 0

    def step(self, step: int, x: Tensor) -> TrainStep | None:
        """Take one optimizer step; report it when it is to be logged."""
        config = self.config
        x = x * self.scale
        loss = loss_weights(config.l1_reduction, config.l1_at(step), d_in=self.d_in, d_sae=self.d_sae)
        sparse = x.device.type == "cpu" and self.density < SPARSE_DENSITY
        result = sparse_step(x, self.weights, loss) if sparse else dense_step(x, self.weights, loss)
        self._update(result.gradients, config.lr_at(step))
        if x.device.type == "cpu":
            self.density = float(result.counts.sum()) / (len(x) * self.d_sae)
        self.firing.record(step, result.counts)
        if config.resample_every is not None:
            self.recent.append(x)
        if config.resamples_at(step):
            self._resample(step, loss)
        if step % config.log_every == 0 or step in {1, config.n_steps}:
            return self._describe(step, x, result, loss)
        return None

    def finish(self, metadata: SAEMetadata) -> SAE:
        """Make the SAE for raw activations, with unit decoder rows."""
        dead = self.firing.dead(self.config.n_steps).tolist()
        metadata = replace(
            metadata,
            n_dead_train=len(dead),
            dead_train=tuple(dead),
            extra={**metadata.extra, "train_config": {**asdict(self.config), "betas": list(self.config.betas)}},
        )
        cfg = SAEConfig(architecture="standard", d_in=self.d_in, d_sae=self.d_sae, metadata=metadata)
        return fold_input_scale(fold_decoder_norm(self.weights.to_sae(cfg)), self.scale)

    def _update(self, gradients: Weights, lr: float) -> None:
        if self.config.decoder_unit_norm:
            remove_parallel_(gradients.decoder, self.weights.decoder)
        for weight, gradient in zip(self.weights.tensors(), gradients.tensors(), strict=True):
            weight.grad = gradient
        if self.config.grad_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.weights.tensors(), self.config.grad_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        if self.config.decoder_unit_norm:
            unit_rows_(self.weights.decoder)

    def _resample(self, step: int, loss: LossWeights) -> None:
        wanted = self.firing.to_resample(step)
        if not len(wanted):
            return
        candidates = torch.cat(list(self.recent))
        losses = candidate_losses(candidates, self.weights, loss)
        inputs = draw_inputs(candidates, losses, self.weights.b_dec, len(wanted), self.generator)
        features = wanted[: len(inputs)]
        dead = self.firing.dead(step)
        replant(
            self.weights, self.optimizer, features=features, dead=dead, inputs=inputs, scale=self.config.resample_scale
        )
        self.firing.mark_resampled(step, features)
        self.n_resampled += len(features)

    def _describe(self, step: int, x: Tensor, result: Step, loss: LossWeights) -> TrainStep:
        error, n = float(result.squared_error), len(x)
        total = (loss.error * error + loss.l1 * float(result.feature_sum)) / n
        if not math.isfinite(total):
            raise SAEError(
                f"the loss is {total} at step {step}: an input is not finite, or lr ({self.config.lr}) is too high"
            )
        variance = float((x - x.mean(dim=0)).square().sum())
        return TrainStep(
            step=step,
            n_steps=self.config.n_steps,
            n_tokens=step * n,
            loss=total,
            mse=error / (n * self.d_in),
            fvu=error / variance if variance > 0 else float("nan"),
            l0=float(result.counts.sum()) / n,
            n_dead=len(self.firing.dead(step)),
            n_resampled=self.n_resampled,
            lr=self.config.lr_at(step),
            l1_coefficient=self.config.l1_at(step),
        )


def _chain(sample: Tensor, reader: RowReader, batch_size: int) -> Iterable[Tensor]:
    """Give the rows that were looked at first, then the rest of the stream."""
    yield sample
    while (rows := reader.take(batch_size)) is not None:
        yield rows


def _initial_b_dec(sample: Tensor, how: str) -> Tensor:
    if how == "mean":
        return sample.mean(dim=0)
    return geometric_median(sample) if how == "geometric_median" else torch.zeros_like(sample[0])
