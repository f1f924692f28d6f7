"""Training a stage whose encoder reads x, but whose target is the residual.

An ordinary training has one stream that is both; here they differ, so this is a loop of its own: autograd over dense
features. Scales and biases are learned for scaled inputs and targets and folded back at the end, as ``sae.train`` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace

import torch
from torch import Tensor
from torch.optim import Adam

from sae._config import SAEConfig, SAEMetadata
from sae._errors import SAEError
from sae._model import SAE
from sae.architectures import build
from sae.penalties import parse_penalty
from sae.stack._stack import StackedSAE
from sae.training import TrainConfig, TrainStep, fold_decoder_norm, geometric_median
from sae.training._firing import FiringRecord
from sae.training._fold import average_norm_scale
from sae.training._history import BatchQuality, DensitySummary
from sae.training._loss import LossWeights, loss_weights
from sae.training._rows import RowReader
from sae.training._weights import initial_weights, remove_parallel_, unit_rows_

_USED = {
    "n_tokens",
    "l1_coefficient",
    "penalty",
    "d_sae",
    "expansion",
    "l1_reduction",
    "l1_warmup_steps",
    "lr",
    "betas",
    "batch_size",
    "lr_warmup_steps",
    "lr_decay",
    "grad_clip",
    "decoder_norm",
    "resample_dead_window",
    "normalise",
    "b_dec_init",
    "n_init",
    "seed",
    "device",
    "log_every",
}


def check_config(config: TrainConfig) -> None:
    """Refuse settings that an ordinary training would use and this one would not.

    Raises:
        SAEError: Such a setting is not the default.
    """
    if config.decoder_norm == "free":
        raise SAEError("a stage that reads x can't use decoder_norm='free': take 'unit', or let it read the residual")
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name not in _USED and value != field.default:
            raise SAEError(
                f"a stage that reads x is a standard SAE with a penalty and can't use {field.name}={value!r}: "
                f"leave it at {field.default!r}, or let the stage read the residual"
            )


def train_reading_x(
    stack: StackedSAE,
    batches: Iterable[Tensor],
    config: TrainConfig,
    *,
    metadata: SAEMetadata,
    progress: Callable[[TrainStep], None] | None,
) -> SAE:
    """Train a standard SAE that reads x and reconstructs what a stack leaves of it.

    Args:
        stack: The frozen stages.
        batches: Tensors [n, d_in] of shuffled activations.
        config: See ``check_config`` for what it may ask for.
        metadata: Where the activations came from; dead features and the config are added.
        progress: Called at every logged step.

    Returns:
        The SAE; its encoder does not subtract b_dec, and its decoder rows have norm 1.

    Raises:
        SAEError: The config asks for more than there is, the stream ends early, or the loss is no longer finite.
    """
    check_config(config)
    reader = RowReader(batches)
    sample = reader.peek(min(config.n_init, config.n_tokens))
    if sample is None:
        raise SAEError("there was no activation to train on: the stream is empty")
    training = _Training(sample.to(config.device, torch.float32), stack.residual(sample).to(config.device), config)
    for step in range(1, config.n_steps + 1):
        x = reader.take(config.batch_size)
        if x is None or len(x) < config.batch_size:
            raise SAEError(f"n_tokens is {config.n_tokens}, but the stream ended after {reader.n_read} activations")
        entry = training.step(step, x.to(config.device, torch.float32), stack.residual(x).to(config.device))
        if entry is not None and progress is not None:
            progress(entry)
    return training.finish(metadata)


@dataclass(frozen=True)
class _Outcome:
    """A batch in numbers, in the units of the scaled inputs."""

    loss: Tensor
    """Scalar: error plus penalty, in the units of the reduction."""
    error: Tensor
    """[n, d_in]: reconstruction minus target."""
    counts: Tensor
    """int64 [d_sae]: inputs on which each feature fired."""


class _Training:
    """Weights and optimizer of one stage."""

    def __init__(self, x: Tensor, target: Tensor, config: TrainConfig) -> None:
        scaled = config.normalise == "expected_average"
        self.config = config
        self.d_in, self.d_sae = x.shape[1], config.n_features(x.shape[1])
        self.x_scale = average_norm_scale(x) if scaled else 1.0
        self.target_scale = average_norm_scale(target) if scaled else 1.0
        self.penalty = None if config.penalty == "l1" else parse_penalty(config.penalty)
        weights = initial_weights(self.d_sae, _centre(target * self.target_scale, config.b_dec_start), config.seed)
        self.encoder, self.decoder, self.b_dec = weights.encoder, weights.decoder, weights.b_dec
        self.b_enc = -weights.encoder @ (x * self.x_scale).mean(dim=0)  # features start around the mean of x
        self.weights = [self.encoder, self.b_enc, self.decoder, self.b_dec]
        for weight in self.weights:
            weight.requires_grad_()
        self.counts, self.n_counted = torch.zeros(self.d_sae, device=x.device), 0  # since the last entry
        self.optimizer = Adam(self.weights, lr=config.lr, betas=config.betas)
        window = config.resampling.window
        self.firing = FiringRecord(
            self.d_sae, window=None if window is None else min(window, config.n_steps), device=x.device
        )

    def step(self, step: int, x: Tensor, target: Tensor) -> TrainStep | None:
        """Take one optimizer step; report it when it is to be logged."""
        config, target = self.config, target * self.target_scale
        outcome = self._gradients(x * self.x_scale, target, self._loss(step))
        if config.decoder_norm == "unit" and self.decoder.grad is not None:
            remove_parallel_(self.decoder.grad, self.decoder.detach())
        if config.grad_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.weights, config.grad_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = config.lr_at(step)
        self.optimizer.step()
        if config.decoder_norm == "unit":
            unit_rows_(self.decoder.detach())
        self.firing.record(step, outcome.counts)
        self.counts, self.n_counted = self.counts + outcome.counts, self.n_counted + len(x)
        if step % config.log_every == 0 or step in {1, config.n_steps}:
            return self._describe(step, target, outcome)
        return None

    @torch.no_grad()
    def finish(self, metadata: SAEMetadata) -> SAE:
        """Make the SAE for raw activations, with unit decoder rows."""
        dead = self.firing.dead(self.config.n_steps).tolist()
        settings = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self.config).items()}
        metadata = replace(
            metadata,
            n_dead_train=len(dead),
            dead_train=tuple(dead),
            extra={**metadata.extra, "train_config": settings},
        )
        cfg = SAEConfig("standard", self.d_in, self.d_sae, apply_b_dec_to_input=False, metadata=metadata)
        tensors = {
            "W_enc": self.encoder.T * (self.x_scale / self.target_scale),
            "b_enc": self.b_enc / self.target_scale,
            "W_dec": self.decoder,
            "b_dec": self.b_dec / self.target_scale,
        }
        return fold_decoder_norm(build(cfg, tensors))

    def _loss(self, step: int) -> LossWeights:
        config = self.config
        return loss_weights(
            config.l1_reduction, config.l1_at(step), d_in=self.d_in, d_sae=self.d_sae, penalty=self.penalty
        )

    def _gradients(self, x: Tensor, target: Tensor, loss: LossWeights) -> _Outcome:
        """Fill in the gradients of a batch; the penalty enters as its slope, which is finite where features fire."""
        features = torch.relu(x @ self.encoder.T + self.b_enc)  # [n, d_sae]
        error = features @ self.decoder + self.b_dec - target
        squared_error, active = error.square().sum(), features[features > 0]
        self.optimizer.zero_grad()
        ((loss.error * squared_error + (loss.slope(active.detach()) * active).sum()) / len(x)).backward()  # type: ignore[no-untyped-call]
        total = loss.error * squared_error.detach() + loss.l1 * loss.reported(active.detach()).sum()
        return _Outcome(total / len(x), error.detach(), (features > 0).sum(dim=0))

    def _describe(self, step: int, target: Tensor, outcome: _Outcome) -> TrainStep:
        config, n, loss = self.config, len(target), float(outcome.loss)
        if not math.isfinite(loss):
            raise SAEError(
                f"the loss is {loss} at step {step}: an input is not finite, or lr ({config.lr}) is too high"
            )
        density = DensitySummary.of(self.counts, self.n_counted)
        self.counts, self.n_counted = torch.zeros_like(self.counts), 0
        return TrainStep(
            step=step,
            n_steps=config.n_steps,
            n_tokens=step * n,
            loss=loss,
            l0=float(outcome.counts.sum()) / n,
            n_dead=len(self.firing.dead(step)),
            n_resampled=0,
            lr=config.lr_at(step),
            l1_coefficient=config.l1_at(step),
            **asdict(BatchQuality.of(target, outcome.error, float(outcome.error.square().sum()))),
            **asdict(density),
        )


def _centre(sample: Tensor, how: str) -> Tensor:
    if how == "mean":
        return sample.mean(dim=0)
    return geometric_median(sample) if how == "geometric_median" else torch.zeros_like(sample[0])
