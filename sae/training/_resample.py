"""Giving dead features a second life: each is pointed at an input that is reconstructed badly.

Where the target is another than the input, its encoder is pointed at the input and its decoder at the target.

After Bricken et al. 2023, "Towards Monosemanticity" (neuron resampling). A trainer asks ``settings.at(step, n_steps)``
after each step, keeps the last ``settings.n_batches(batch_size)`` batches, and when it is time calls

    candidates = Batch.join(batches)
    losses = ...                      # [n_candidates]: squared errors alone, or with the penalty: settings.loss
    moments = moment_rows(optimizer, weights.of_features())
    done = resample(
        weights, moments, features=record.to_resample(step), dead=record.dead(step),
        candidates=candidates, losses=losses, settings=settings, generator=generator,
    )
    record.mark_resampled(step, done)

``RESAMPLING`` names four ways: the project's own, and three that were published.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor
from torch.linalg import vector_norm
from torch.nn.functional import normalize
from torch.optim import Optimizer

from sae._errors import SAEError
from sae.training._batch import Batch
from sae.training._geometric_median import geometric_median
from sae.training._weights import Weights

N_CANDIDATES = 8192
"""Recent inputs that new directions are drawn from by default."""
OUTLIER_NORM = 10.0
"""The guard never draws inputs longer than this many median norms."""
COMPETING_SCALE = 1.0
"""The default norm of a new encoder direction, in mean norms of the alive ones, where features compete: shorter ones
are hardly ever among the k largest."""
SMALL_BIAS = 0.01
"""How far below 0 the new encoder biases may lie."""


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """When dead features are resampled, from which inputs, and to what."""

    schedule: int | tuple[int, ...] = 250
    """Steps between two resamplings, or the very steps after which there is one."""
    until: float = 1.0
    """Share of the steps after which features are left to settle."""
    window: int | None = 250
    """A feature without a firing in this many steps is dead; None: only one that never fired is."""
    n_candidates: int | None = N_CANDIDATES
    """Recent inputs that new directions are drawn from; None for those of the current batch alone."""
    loss: Literal["total", "squared_error"] = "total"
    """What an input's probability grows with: its squared error plus penalty, or the squared error alone."""
    loss_power: float = 2.0
    """The probability is proportional to the loss to this power."""
    replacement: bool = False
    """Whether one input may be drawn for several features."""
    guard_outliers: bool = True
    """Never draw inputs longer than 10 median norms. The few massive activations of a language model (the first token
    of a document) hold most of the squared error: without the guard they become every new feature."""
    subtract_b_dec: bool = True
    """Whether a new direction is that of ``x - b_dec`` or of ``x``."""
    encoder_scale: float = 0.2
    """Norm of a new encoder direction."""
    encoder_scale_of: Literal["alive", "one"] = "alive"
    """What that norm is a multiple of: the mean encoder norm of the features that are not dead, or 1."""
    b_enc: Literal["zero", "negative", "random_negative"] = "zero"
    """The new encoder bias: 0, -0.01, or uniform between -0.01 and 0."""
    threshold: float = 0.1
    """jumprelu: the new threshold."""
    reset_optimizer: bool = True
    """Whether the optimizer forgets the moments of the features it resampled."""

    def __post_init__(self) -> None:
        steps = self.schedule if isinstance(self.schedule, tuple) else (self.schedule,)
        for name, values in (("schedule", steps), ("window", (self.window,)), ("n_candidates", (self.n_candidates,))):
            if any(value is not None and value < 1 for value in values):
                raise SAEError(f"{name} of a resampling must be at least 1, found {getattr(self, name)}")
        for name in ("until", "loss_power", "encoder_scale"):
            if not getattr(self, name) > 0:
                raise SAEError(f"{name} of a resampling must be above 0, found {getattr(self, name)}")

    def at(self, step: int, n_steps: int) -> bool:
        """Tell whether dead features are resampled after a step, from 1 to ``n_steps``."""
        due = step in self.schedule if isinstance(self.schedule, tuple) else step % self.schedule == 0
        return due and step <= self.until * n_steps

    def window_of(self, every: int) -> int | None:
        """Give the window for another number of steps between two resamplings, in the same proportion.

        Args:
            every: Steps between two resamplings.
        """
        own = self.schedule[0] if isinstance(self.schedule, tuple) else self.schedule
        return None if self.window is None else max(1, self.window * every // own)

    def n_batches(self, batch_size: int) -> int:
        """Give the number of last batches that hold the candidates."""
        return 1 if self.n_candidates is None else -(-self.n_candidates // batch_size)


RESAMPLING: Mapping[str, Resampling] = MappingProxyType(
    {
        "default": Resampling(until=0.8),
        "blog": Resampling(
            schedule=25_000,
            window=None,
            loss_power=1.0,
            replacement=True,
            guard_outliers=False,
            subtract_b_dec=False,
            encoder_scale=1.0,
            encoder_scale_of="one",
            b_enc="negative",
        ),
        "code": Resampling(
            schedule=25_000,
            window=25_000,
            n_candidates=None,
            loss="squared_error",
            loss_power=1.0,
            replacement=True,
            guard_outliers=False,
            encoder_scale=0.05,
            b_enc="random_negative",
        ),
        "bricken": Resampling(
            schedule=(25_000, 50_000, 75_000, 100_000),
            window=12_500,
            n_candidates=819_200,
            replacement=True,
            guard_outliers=False,
            subtract_b_dec=False,
        ),
    }
)
"""By name: ``default``, the project's own; ``blog`` and ``code``, as the text and the program of the seed study have it
(the text leaves open when; its steps are the program's); ``bricken``, as in "Towards Monosemanticity". The last three
draw without a guard, as published. Change what does not fit with ``dataclasses.replace``, above all the schedule and
window of a short training."""


@torch.no_grad()
def resample(
    weights: Weights,
    moments: Iterable[Tensor],
    *,
    features: Tensor,
    dead: Tensor,
    candidates: Batch,
    losses: Tensor,
    settings: Resampling,
    generator: torch.Generator,
) -> Tensor:
    """Point dead features at badly reconstructed inputs, in place.

    Args:
        weights: All but b_dec changes at ``features``.
        moments: What the optimizer remembers of that: tensors with one row per feature.
        features: int64 [n]: what to resample.
        dead: int64 [n_dead]: all dead features; the others' encoder norms set the new ones.
        candidates: Inputs and targets, in the units of the weights.
        losses: [n_candidates], not negative.
        settings: How.
        generator: Of a CPU.

    Returns:
        int64 [at most n]: the features resampled; fewer than wanted where fewer candidates can be drawn.
    """
    centre = weights.b_dec if weights.apply_b_dec_to_input else geometric_median(candidates.x)
    inputs = draw_inputs(candidates, losses, weights.b_dec, len(features), generator, settings=settings, centre=centre)
    done = features[: len(inputs)]
    replant(
        weights,
        moments,
        features=done,
        dead=dead,
        inputs=inputs,
        centre=centre,
        settings=settings,
        generator=generator,
    )
    return done


@torch.no_grad()
def draw_inputs(
    candidates: Batch,
    losses: Tensor,
    b_dec: Tensor,
    n: int,
    generator: torch.Generator,
    *,
    settings: Resampling = RESAMPLING["default"],
    centre: Tensor | None = None,
) -> Batch:
    """Draw inputs with a probability that grows with their loss.

    Args:
        candidates: Inputs and targets.
        losses: [n_candidates], not negative.
        b_dec: [d_in].
        n: How many to draw.
        generator: Of a CPU.
        settings: Power of the loss, replacement, guard; what gives no direction is never drawn.
        centre: [d_in]: from where encoder directions are seen; b_dec unless given.

    Returns:
        At most n of the candidates: fewer where fewer can be drawn.
    """
    usable = _usable(candidates.x, b_dec if centre is None else centre, settings)
    if candidates.own_target is not None:
        usable &= _usable(candidates.own_target, b_dec, settings)
    chances = losses.double() * usable
    chances = (chances / chances.max()).pow(settings.loss_power).nan_to_num()  # 0 / 0 where no candidate has a loss
    n_possible = int((chances > 0).sum())
    n_drawn = n if settings.replacement and n_possible else min(n, n_possible)
    if n_drawn == 0:
        return candidates.rows(slice(0))
    drawn = torch.multinomial(chances.cpu(), n_drawn, settings.replacement, generator=generator)
    return candidates.rows(drawn.to(losses.device))


@torch.no_grad()
def replant(
    weights: Weights,
    moments: Iterable[Tensor],
    *,
    features: Tensor,
    dead: Tensor,
    inputs: Batch,
    settings: Resampling,
    generator: torch.Generator,
    centre: Tensor | None = None,
) -> None:
    """Point features at given inputs, in place, and let the optimizer forget them.

    Args:
        weights: All but b_dec changes at ``features``; where encoder and decoder are one tensor, its rows become the
            decoder's unit directions. A gated feature gets the biases for gate and magnitude, and a ratio of 1.
        moments: What the optimizer remembers of that: tensors with one row per feature.
        features: int64 [k]: what to replant.
        dead: int64 [n_dead]: all dead features.
        inputs: One each, with its target.
        settings: Direction, scale, bias.
        generator: Of a CPU.
        centre: [d_in]: from where encoder directions are seen and biases count; b_dec unless given.
    """
    centre = weights.b_dec if centre is None else centre
    directions = normalize(_toward(inputs.x, centre, settings), dim=1)
    norm = settings.encoder_scale
    if settings.encoder_scale_of == "alive":
        norm *= _mean_alive_norm(weights.encoder, dead)
    weights.encoder[features] = directions * norm
    own = inputs.own_target
    weights.decoder[features] = directions if own is None else normalize(_toward(own, weights.b_dec, settings), dim=1)
    weights.b_enc[features] = _biases(len(features), settings, generator).to(weights.b_enc)
    if not weights.apply_b_dec_to_input:
        weights.b_enc[features] -= weights.encoder[features] @ centre
    if weights.r_mag is not None and weights.b_mag is not None:
        weights.r_mag[features] = 0
        weights.b_mag[features] = weights.b_enc[features]
    if weights.threshold is not None:
        weights.threshold[features] = settings.threshold
    if settings.reset_optimizer:
        for moment in moments:
            moment[features] = 0


def moment_rows(optimizer: Optimizer, tensors: Iterable[Tensor]) -> list[Tensor]:
    """List what Adam remembers of some tensors; nothing before its first step.

    Args:
        optimizer: A torch.optim.Adam or AdamW.
        tensors: Tensors it holds, with one row per feature.

    Returns:
        Both moments of each tensor, of its shape.
    """
    states = [optimizer.state.get(tensor, {}) for tensor in tensors]
    return [state[name] for state in states for name in ("exp_avg", "exp_avg_sq") if name in state]


def _usable(vectors: Tensor, centre: Tensor, settings: Resampling) -> Tensor:
    """Say which vectors [n, d_in] have a direction and, where that is asked for, no outlier's norm: bool [n]."""
    usable: Tensor = vector_norm(_toward(vectors, centre, settings), dim=1) > 0
    if settings.guard_outliers:
        norms = vector_norm(vectors, dim=1)
        usable &= norms <= OUTLIER_NORM * norms.median()
    return usable


def _toward(x: Tensor, b_dec: Tensor, settings: Resampling) -> Tensor:
    return x - b_dec if settings.subtract_b_dec else x


def _mean_alive_norm(encoder: Tensor, dead: Tensor) -> float:
    """Average the encoder norms of the features that are not dead; of all where none is alive."""
    norms = vector_norm(encoder, dim=1)
    alive = torch.ones_like(norms, dtype=torch.bool)
    alive[dead] = False
    return float(norms[alive].mean() if bool(alive.any()) else norms.mean())


def _biases(n: int, settings: Resampling, generator: torch.Generator) -> Tensor:
    if settings.b_enc == "random_negative":
        return -SMALL_BIAS * torch.rand(n, generator=generator)
    return torch.full((n,), -SMALL_BIAS if settings.b_enc == "negative" else 0.0)
