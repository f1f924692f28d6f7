"""The SAEs that predictions are read off: three sets, each trained in one pass over the same vectors."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from _facts import Facts, measure
from _inputs import Inputs
from torch import Tensor

import sae
from sae.stack import Stage, train_stack

LADDERS: Mapping[str, tuple[float, ...]] = {
    "l1": (0.05, 0.1, 0.15, 0.3),
    "sqrt": (0.04, 0.07, 0.11, 0.18),
    "fourth_root": (0.04, 0.07, 0.11, 0.18),
    "l0:0.2": (0.04, 0.07, 0.15, 0.3),
}
"""Coefficients of each penalty, in units of sqrt(d_in), chosen to cover much the same L0s."""
MIDDLE = 0.15
"""The L1 coefficient that single SAEs are compared at, in these units."""
EXPANSIONS = (4, 8, 16, 32)
SPARSE = (0.3, 0.6)
"""Coefficients at which features die, in these units."""
CODE = (1e-2, 1e-4)
"""The study's coefficients, in its own."""
CODE_EXPANSIONS = EXPANSIONS[:2]
"""Where they are tried: most features fire on every token, which takes long in larger ones."""
FREQUENCY_SHARE = 0.02
"""Coefficient of the frequency penalty over that of the other one, as Farrell had it (1e-6 to 5e-5)."""
FREQUENCY_MIN = 1e-4
"""Ten times Farrell's: a run here is a thousandth of his."""
N_GRID = 20_000
"""Held-out vectors that the grid is measured on."""


@dataclass(frozen=True)
class Sizes:
    """How much is trained."""

    penalties: int
    """Vectors for the ladders, in batches of 1,024."""
    grid: int
    """Vectors for the grid and for the SAE of every position, in batches of 512."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What was trained, by name."""

    inputs: Inputs
    models: Mapping[str, sae.SAE]
    facts: Mapping[str, Facts]

    def ladder(self, penalty: str) -> list[Mapping[str, float]]:
        """The points of one penalty."""
        return [self.facts[f"{penalty} {strength}"].point for strength in LADDERS[penalty.removesuffix(" +frequency")]]


def train_penalties(inputs: Inputs, sizes: Sizes) -> Trained:
    """Penalties at several coefficients, with and without a penalty on rare features; the study's two loss modes."""
    batch, n = 1024, sizes.penalties
    n_steps = n // batch
    shared = {"lr": 1e-2, "l1_warmup_steps": n_steps // 2, "lr_warmup_steps": min(100, n_steps // 3)}
    configs: dict[str, dict[str, Any]] = {}
    for penalty, strengths in LADDERS.items():
        for strength in strengths:
            one = {"penalty": penalty, "l1_coefficient": strength * inputs.d_in**0.5, **shared}
            configs[f"{penalty} {strength}"] = one
            if penalty in {"l1", "l0:0.2"}:
                coefficient = FREQUENCY_SHARE * strength * inputs.d_in**0.5
                rare = {"frequency_coefficient": coefficient, "frequency_min": FREQUENCY_MIN}
                configs[f"{penalty} +frequency {strength}"] = {**one, **rare}
    configs["paper 0.01"] = {"l1_coefficient": 1e-2, "l1_reduction": "paper", **shared}
    for strength in CODE:
        configs[f"code {strength}"] = {"l1_coefficient": strength, "l1_reduction": "code", **shared}
    return _trained(inputs, {name: {"expansion": 8, **config} for name, config in configs.items()}, n, batch)


def train_grid(inputs: Inputs, sizes: Sizes) -> Trained:
    """Expansions and coefficients, without and with resampling; the study's loss without it only: nothing dies."""
    batch, n = 512, sizes.grid
    every = max(2, n // batch // 8)
    shared = {"lr": 3e-3, "lr_warmup_steps": min(50, n // batch // 4)}
    resampling = {"resample_every": every, "resample_dead_window": every}
    configs: dict[str, dict[str, Any]] = {}
    for expansion in EXPANSIONS:
        for strength in SPARSE:
            coefficient = strength * inputs.d_in**0.5
            one = {"expansion": expansion, "l1_coefficient": coefficient, **shared}
            configs[f"{expansion}x {strength}"] = one
            configs[f"{expansion}x {strength} resampled"] = {**one, **resampling}
    for expansion in CODE_EXPANSIONS:
        for strength in CODE:
            config = {"l1_coefficient": strength, "l1_reduction": "code", **shared}
            configs[f"{expansion}x code {strength}"] = {"expansion": expansion, **config}
    return _trained(inputs, configs, n, batch, n_measured=N_GRID)


def train_every_position(inputs: Inputs, sizes: Sizes) -> Trained:
    """The study's loss, on vectors of all positions of windows without BOS."""
    config = {"expansion": 8, "l1_coefficient": CODE[0], "l1_reduction": "code", "lr": 3e-3, "lr_warmup_steps": 50}
    return _trained(inputs, {"code": config}, sizes.grid, 512)


def train_without_pre_encoder_bias(inputs: Inputs, sizes: Sizes) -> sae.SAE:
    """The ladder's middle L1 SAE, but for its encoder, which reads x instead of x - b_dec."""
    n_steps = sizes.penalties // 1024
    config = sae.TrainConfig(
        n_tokens=sizes.penalties, batch_size=1024, expansion=8, l1_coefficient=MIDDLE * inputs.d_in**0.5, lr=1e-2,
        l1_warmup_steps=n_steps // 2, lr_warmup_steps=min(100, n_steps // 3), log_every=10**6,
    )  # fmt: skip
    return sae.train(_batches(inputs, sizes.penalties, 1024), config, target=lambda x: x).sae


def train_second_stage(trained: Trained, sizes: Sizes) -> Facts:
    """The ladder's middle L1 SAE, followed by one of the same width that learns what it leaves."""
    inputs, n_steps = trained.inputs, sizes.penalties // 2 // 1024
    config = sae.TrainConfig(
        n_tokens=sizes.penalties // 2, batch_size=1024, expansion=8, l1_coefficient=MIDDLE * inputs.d_in**0.5, lr=1e-2,
        l1_warmup_steps=n_steps // 2, lr_warmup_steps=min(100, n_steps // 3), log_every=10**6,
    )  # fmt: skip
    first = trained.models[f"l1 {MIDDLE}"]
    stack = train_stack(
        lambda number: _batches(inputs, config.n_tokens, 1024, seed=number), [Stage(config, "residual")], first=first
    )
    return measure(stack, inputs.held_out)


def _batches(inputs: Inputs, n: int, batch: int, *, seed: int = 0) -> tuple[Tensor, ...]:
    return inputs.shuffled(n, seed=seed).split(batch)


def _trained(
    inputs: Inputs, configs: Mapping[str, dict[str, Any]], n: int, batch: int, *, n_measured: int | None = None
) -> Trained:
    made = [sae.TrainConfig(n_tokens=n, batch_size=batch, log_every=50, **config) for config in configs.values()]

    def report(number: int, step: sae.TrainStep) -> None:
        if number == 0:
            print(f"{len(made)} SAEs: step {step.step} of {step.n_steps}", file=sys.stderr, flush=True)

    results = sae.train_many(_batches(inputs, n, batch), made, progress=report)
    models = {name: result.sae for name, result in zip(configs, results, strict=True)}
    held_out = inputs.held_out[:n_measured]
    return Trained(inputs, models, {name: measure(model, held_out) for name, model in models.items()})
