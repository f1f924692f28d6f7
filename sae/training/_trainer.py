"""The state of a training, and one step of it."""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam

from sae._config import SAEConfig, SAEMetadata
from sae._errors import SAEError
from sae._model import SAE
from sae.penalties import FrequencyPenalty, decoder_orthogonality, parse_penalty
from sae.training._aux_k import aux_k_step
from sae.training._batch import Batch
from sae.training._candidates import candidate_losses
from sae.training._config import TrainConfig
from sae.training._firing import FiringRecord
from sae.training._fold import average_norm_scale, fold_decoder_norm, fold_input_scale
from sae.training._geometric_median import geometric_median
from sae.training._history import BatchQuality, DensitySummary, TrainStep
from sae.training._loss import loss_weights
from sae.training._resample import moment_rows, resample
from sae.training._update import update
from sae.training._weights import initial_weights
from sae.training.steps import Gradient, Objective, Step, choose_step, stored

FOLDED = ("standard", "gated", "jumprelu")
"""Architectures whose decoder norms can be folded into other weights without changing what they are."""
THRESHOLD_RATE = 0.01
"""How fast batchtopk's threshold follows the smallest activation selected; until step 100 it is their mean."""
FREE_NORM = 0.1
"""Where the norms of decoder and encoder rows start that are free (as in SAELens and dictionary_learning)."""
ENCODER_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Trainer:
    """An SAE in training; many can be driven over one stream of activations.

    Give ``step`` one batch after the other, then call ``finish``. The state between two steps can be saved and loaded,
    on a CPU without a trace: the weights that follow are the same bits.
    """

    def __init__(self, config: TrainConfig, sample: Tensor, target_sample: Tensor | None = None) -> None:
        """Draw the initial weights.

        Args:
            config: Everything about the training but the data.
            sample: [n, d_in]: raw activations from which the scale of the inputs and b_dec are estimated.
            target_sample: [n, d_in]: where the SAE is to reconstruct something else than what it reads, the raw
                targets of the sample; ``step`` then needs targets, too. Inputs and targets are scaled each on their
                own, b_dec belongs to the targets, and the encoder reads x itself (``apply_b_dec_to_input=False``),
                with a bias that starts where x - centre would have it.

        Raises:
            SAEError: All of the sample is zero, its targets have another shape, or k or widths do not fit its length.
        """
        self.config = config
        if target_sample is not None:
            _check_target(target_sample, sample)
        self.d_in = sample.shape[1]
        config.check_sizes(self.d_in)
        self.d_sae = config.n_features(self.d_in)
        first = Batch(sample, target_sample).to(config.device, torch.float32)
        own, scaled, device = first.own_target, config.normalise == "expected_average", first.x.device
        self.scale = average_norm_scale(first.x) if scaled else 1.0
        """What raw activations are multiplied with."""
        self.target_scale = None if own is None else average_norm_scale(own, "targets") if scaled else 1.0
        """What raw targets are multiplied with; None where they are the activations themselves."""
        first = first.scaled(self.scale, self.target_scale)
        centre = _centre(first.x, config.b_dec_start)
        self.weights = initial_weights(
            self.d_sae,
            centre if own is None else _centre(first.target, config.b_dec_start),
            config.seed,
            architecture=config.architecture,
            threshold=config.threshold_init,
            norm=FREE_NORM if config.decoder_norm == "free" else None,
            centre=None if own is None else centre,
        )
        self.widths = config.nested_widths(self.d_sae)
        fused = device.type in {"cpu", "cuda"}
        self.optimizer = Adam(self.weights.tensors(), lr=config.lr, betas=config.betas, fused=fused)
        self.n_done = 0
        """Steps taken."""
        self.n_seen = 0
        """Activations trained on."""
        self._resampling = config.resampling
        window = self._resampling.window
        self._firing = FiringRecord(
            self.d_sae, window=None if window is None else min(window, config.n_steps), device=device
        )
        self._penalty = None if config.penalty in {"l1", "step"} else parse_penalty(config.penalty)
        self._frequency = self._frequency_penalty(device)
        self._generator = torch.Generator().manual_seed(config.seed)
        self._recent: deque[Batch] = deque(maxlen=self._resampling.n_batches(config.batch_size))
        self._density = 1.0  # of the step before; decides how gradients are computed
        self._threshold: float | None = None  # batchtopk: of inference
        self._n_resampled = 0
        self._counts, self._n_counted = torch.zeros(self.d_sae, device=device), 0  # since the last entry

    def step(self, x: Tensor, target: Tensor | None = None) -> TrainStep | None:
        """Take one optimizer step.

        Args:
            x: [n, d_in]: raw activations.
            target: [n, d_in]: what is to be reconstructed, where that is not ``x`` (see ``target_sample``).

        Returns:
            What there is to report, in the steps in which there is.

        Raises:
            SAEError: All steps of the config were taken, ``x`` or ``target`` is of another shape or missing, or the
                loss is no longer finite.
        """
        config = self.config
        if self.n_done == config.n_steps:
            raise SAEError(f"this training is over: all of its {config.n_steps} steps were taken")
        batch = self._scaled(x, target)
        self.n_done, self.n_seen = self.n_done + 1, self.n_seen + len(batch)
        objective = self._objective()
        result = choose_step(objective, batch.x.device, self._density)(batch, self.weights, objective)
        self._observe(result, len(batch))
        extra = self._add_gradients(batch, result, objective)
        self._update(result.gradients)
        if config.resamples:
            self._recent.append(batch.clone())  # the caller may use its tensors again
            if config.resamples_at(self.n_done):
                self._resample(objective)
        if self.n_done % config.log_every == 0 or self.n_done in {1, config.n_steps}:
            return self._describe(batch, result, objective, extra)
        return None

    def finish(self, metadata: SAEMetadata | None = None) -> SAE:
        """Make the SAE for raw activations.

        Args:
            metadata: Where they came from; the dead features and the config (in ``extra``) are added.

        Returns:
            A new SAE. Decoder rows have norm 1 where the architecture lets norms be folded, or the config keeps them.
        """
        config, metadata = self.config, metadata or SAEMetadata()
        dead = self._firing.dead(self.n_done).tolist()
        settings = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(config).items()}
        cfg = SAEConfig(
            architecture=config.architecture,
            d_in=self.d_in,
            d_sae=self.d_sae,
            k=config.k,
            widths=self.widths if config.architecture == "matryoshka" else None,
            apply_b_dec_to_input=self.weights.apply_b_dec_to_input,
            metadata=replace(
                metadata,
                n_dead_train=len(dead),
                dead_train=tuple(dead),
                extra={**metadata.extra, "train_config": settings},
            ),
        )
        selects_from_batch = config.architecture in {"batchtopk", "matryoshka"}
        threshold = self.weights.b_dec.new_tensor(self._threshold or 0.0) if selects_from_batch else None
        model = self.weights.to_sae(cfg, threshold=threshold)
        model = fold_decoder_norm(model) if config.architecture in FOLDED else model
        return fold_input_scale(model, self.scale, target_scale=self.target_scale)

    def state_dict(self) -> dict[str, Any]:
        """Give everything that the next step depends on; the tensors are not copies."""
        return {
            "scale": self.scale,
            "target_scale": self.target_scale,
            "weights": self.weights.named(),
            "optimizer": self.optimizer.state_dict(),
            "n_done": self.n_done,
            "n_seen": self.n_seen,
            "firing": self._firing.state_dict(),
            "frequency": None if self._frequency is None else dict(self._frequency.state_dict()),
            "generator": self._generator.get_state(),
            "recent": [(batch.x, batch.own_target) for batch in self._recent],
            "density": self._density,
            "threshold": self._threshold,
            "n_resampled": self._n_resampled,
            "counts": self._counts,
            "n_counted": self._n_counted,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another training stood.

        Args:
            state: From ``state_dict`` of a trainer with the same config and d_in; it is copied.

        Raises:
            SAEError: That trainer had targets of its own and this one has not, or the other way round.
        """
        state = copy.deepcopy(dict(state))
        if (state["target_scale"] is None) != (self.target_scale is None):
            ways = ("reconstructs what it reads", "has targets of its own")
            before, now = ways[::-1] if self.target_scale is None else ways
            raise SAEError(f"the state is of a training that {before}, but this one {now}")
        self.scale, self.target_scale = state["scale"], state["target_scale"]
        for name, weight in self.weights.named().items():
            weight.copy_(state["weights"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.n_done, self.n_seen = state["n_done"], state["n_seen"]
        self._firing.load_state_dict(state["firing"])
        if self._frequency is not None:
            self._frequency.load_state_dict(state["frequency"])
        self._generator.set_state(state["generator"])
        recent = (Batch(x, target).to(self.config.device, torch.float32) for x, target in state["recent"])
        self._recent = deque(recent, maxlen=self._recent.maxlen)
        self._density, self._threshold = state["density"], state["threshold"]
        self._n_resampled = state["n_resampled"]
        self._counts, self._n_counted = state["counts"].to(self.config.device), state["n_counted"]

    def _frequency_penalty(self, device: torch.device) -> FrequencyPenalty | None:
        config = self.config
        if config.frequency_coefficient == 0:
            return None
        return FrequencyPenalty(
            self.d_sae,
            coefficient=config.frequency_coefficient,
            s_min=config.frequency_min,
            n_running=config.frequency_window,
            device=device,
        )

    def _objective(self) -> Objective:
        config = self.config
        return Objective(
            loss=loss_weights(
                config.l1_reduction,
                config.l1_at(self.n_done),
                d_in=self.d_in,
                d_sae=self.d_sae,
                penalty=self._penalty,
                times_norm=config.decoder_norm == "free",
            ),
            architecture=config.architecture,
            k=config.k or 0,
            widths=self.widths,
            screen=0.5 * (self._threshold or 0.0),
            counts_features=config.penalty == "step",
            l0_target=config.l0_target,
            bandwidth=config.threshold_bandwidth,
            frequency=self._frequency,
            encoder_dtype=ENCODER_DTYPES[config.encoder_dtype],
        )

    def _scaled(self, x: Tensor, target: Tensor | None) -> Batch:
        """Check what a step is given, and bring it to the device and to the units of the weights."""
        if x.ndim != 2 or x.shape[1] != self.d_in or not len(x):
            raise SAEError(f"expected activations [n >= 1, d_in={self.d_in}], found {tuple(x.shape)}")
        if self.target_scale is None and target is not None:
            raise SAEError("this training reconstructs what it reads: give the Trainer a target_sample for targets")
        if self.target_scale is not None:
            _check_target(target, x)
        batch = Batch(x, target).to(self.config.device, torch.float32)
        return batch.scaled(self.scale, self.target_scale)

    def _observe(self, result: Step, n: int) -> None:
        """Note what fired."""
        if result.counts.device.type == "cpu":
            self._density = float(result.counts.sum()) / (n * self.d_sae)
        if result.smallest is not None:
            smallest = float(result.smallest)
            before = smallest if self._threshold is None else self._threshold
            self._threshold = before + max(THRESHOLD_RATE, 1 / self.n_done) * (smallest - before)
        self._firing.record(self.n_done, result.counts)
        self._counts += result.counts
        self._n_counted += n

    def _add_gradients(self, batch: Batch, result: Step, objective: Objective) -> Tensor:
        """Add what does not belong to an architecture's own loss; give its value."""
        config, value = self.config, batch.x.new_zeros(())
        if config.orthogonality_coefficient > 0:
            decoder = self.weights.decoder.detach().requires_grad_()
            measured = config.orthogonality_coefficient * decoder_orthogonality(decoder, config.orthogonality)
            name = "encoder" if self.weights.tied else "decoder"
            result.gradients[name] = stored(result.gradients[name]) + torch.autograd.grad(measured, decoder)[0]
            value += measured.detach()
        if config.aux_k is not None and len(dead := self._firing.dead(self.n_done)):
            aux = aux_k_step(
                batch.x,
                -result.error,
                dead,
                self.weights,
                k_aux=config.aux_k,
                coefficient=config.aux_coefficient,
                error=objective.loss.error,
            )
            gradients = {name: stored(gradient) for name, gradient in result.gradients.items()}
            aux.add_to({"decoder": gradients["encoder"], **gradients})  # of a tied SAE they are one
            result.gradients.update(gradients)
            value += aux.loss
        if self._frequency is not None:
            value += self._frequency.value()
        return value

    def _update(self, gradients: Mapping[str, Gradient]) -> None:
        config = self.config
        update(
            self.weights,
            gradients,
            self.optimizer,
            lr=config.lr_at(self.n_done),
            unit_norm=config.decoder_norm == "unit",
            clip=config.grad_clip,
        )

    def _resample(self, objective: Objective) -> None:
        wanted = self._firing.to_resample(self.n_done)
        if not len(wanted):
            return
        candidates, weights = Batch.join(list(self._recent)), self.weights
        if self._resampling.loss == "squared_error":
            objective = replace(objective, loss=replace(objective.loss, l1=0.0))
        losses = candidate_losses(candidates, weights, objective)
        moments = moment_rows(self.optimizer, weights.of_features())
        done = resample(
            weights,
            moments,
            features=wanted,
            dead=self._firing.dead(self.n_done),
            candidates=candidates,
            losses=losses,
            settings=self._resampling,
            generator=self._generator,
        )
        self._firing.mark_resampled(self.n_done, done)
        self._n_resampled += len(done)

    def _describe(self, batch: Batch, result: Step, objective: Objective, extra: Tensor) -> TrainStep:
        n, loss, error = len(batch), objective.loss, float(result.squared_error)
        other = 0.0 if result.other_error is None else float(result.other_error)
        total = (loss.error * (error + other) + loss.l1 * float(result.penalty)) / n + float(extra)
        if not math.isfinite(total):
            raise SAEError(
                f"the loss is {total} at step {self.n_done}: an input is not finite, or lr ({self.config.lr}) is too "
                "high"
            )
        density = DensitySummary.of(self._counts, self._n_counted)
        self._counts, self._n_counted = torch.zeros_like(self._counts), 0
        return TrainStep(
            step=self.n_done,
            n_steps=self.config.n_steps,
            n_tokens=self.n_seen,
            loss=total,
            l0=float(result.counts.sum()) / n,
            n_dead=len(self._firing.dead(self.n_done)),
            n_resampled=self._n_resampled,
            lr=self.config.lr_at(self.n_done),
            l1_coefficient=self.config.l1_at(self.n_done),
            **asdict(BatchQuality.of(batch.target, result.error, error)),
            **asdict(density),
        )


def _check_target(target: Tensor | None, x: Tensor) -> None:
    if target is None or target.shape != x.shape:
        found = "none" if target is None else tuple(target.shape)
        raise SAEError(f"expected targets of the shape of the activations, {tuple(x.shape)}, found {found}")


def _centre(sample: Tensor, how: str) -> Tensor:
    if how == "mean":
        return sample.mean(dim=0)
    return geometric_median(sample) if how == "geometric_median" else torch.zeros_like(sample[0])
