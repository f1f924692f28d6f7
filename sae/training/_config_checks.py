"""What is wrong with a training config, said before any work is done."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from sae._config import ARCHITECTURES
from sae._errors import SAEError
from sae.penalties import ORTHOGONALITY_KINDS, parse_penalty
from sae.training._loss import REDUCTIONS
from sae.training._resample import RESAMPLING

if TYPE_CHECKING:
    from sae.training._config import TrainConfig

SELECTING = ("topk", "batchtopk", "matryoshka")
"""Architectures that keep the k largest features; the others are kept sparse by a penalty."""
CHOICES: dict[str, tuple[str, ...]] = {
    "architecture": ARCHITECTURES,
    "l1_reduction": REDUCTIONS,
    "normalise": ("none", "expected_average"),
    "decoder_norm": ("unit", "free", "unpenalised"),
    "b_dec_init": ("auto", "zero", "mean", "geometric_median"),
    "orthogonality": ORTHOGONALITY_KINDS,
    "encoder_dtype": ("float32", "bfloat16"),
    "resample_mode": tuple(RESAMPLING),
}
AT_LEAST_ONE = (
    "d_sae",
    "expansion",
    "k",
    "batch_size",
    "resample_every",
    "resample_dead_window",
    "aux_k",
    "n_init",
    "frequency_window",
    "log_every",
)
NOT_NEGATIVE = (
    "l1_coefficient",
    "lr_warmup_steps",
    "l1_warmup_steps",
    "threshold_init",
    "frequency_coefficient",
    "orthogonality_coefficient",
    "aux_coefficient",
)
ABOVE_ZERO = ("lr", "grad_clip", "threshold_bandwidth", "l0_target", "frequency_min", "resample_scale")


def check(config: TrainConfig) -> None:
    """Look at every field, and at fields that do not go together.

    Raises:
        SAEError: One is wrong; names it, its value and what would do.
    """
    _check_ranges(config)
    _check_sizes(config)
    _check_sparsity(config)
    if config.selects:
        _check_competing(config)
    if config.decoder_norm == "free":
        if config.architecture != "standard":
            raise SAEError(f"decoder_norm='free' is for standard SAEs, not for {config.architecture}: take 'unit'")
        if config.frequency_coefficient > 0:
            raise SAEError(
                "a frequency penalty has no meaning with decoder_norm='free', where features have any size: take 'unit'"
            )


def _check_competing(config: TrainConfig) -> None:
    if config.frequency_coefficient > 0:
        raise SAEError(
            f"a {config.architecture} SAE can't take frequency_coefficient: k decides how many features fire, so one "
            "that is pulled up pushes another out; aux_k or resample_every keep its features alive"
        )
    mode = RESAMPLING[config.resample_mode]
    if config.resample_mode != "default" and mode.encoder_scale_of == "alive" and config.resample_scale is None:
        raise SAEError(
            f"resample_mode={config.resample_mode!r} makes new encoder directions {mode.encoder_scale} times as long "
            f"as the others, too short for the k largest of a {config.architecture} SAE: give resample_scale"
        )


def _check_ranges(config: TrainConfig) -> None:
    for name, known in CHOICES.items():
        if getattr(config, name) not in known:
            raise SAEError(f"{name} must be one of {', '.join(known)}, found {getattr(config, name)!r}")
    for name, value in vars(config).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise SAEError(f"{name} must be a finite number, found {value}")
    for names, least in ((AT_LEAST_ONE, 1), (NOT_NEGATIVE, 0)):
        for name in names:
            value = getattr(config, name)
            if value is not None and value < least:
                bound = "be at least 1" if least else "not be negative"
                raise SAEError(f"{name} must {bound}, found {value}")
    for name in ABOVE_ZERO:
        value = getattr(config, name)
        if value is not None and value <= 0:
            raise SAEError(f"{name} must be above 0, found {name}={value}")
    if not 0 <= config.lr_decay <= 1:
        raise SAEError(f"lr_decay must lie between 0 and 1, found {config.lr_decay}")
    if config.frequency_min > 1:
        raise SAEError(f"frequency_min is a share of inputs, at most 1, found {config.frequency_min}")
    try:
        torch.device(config.device)
    except RuntimeError as error:
        raise SAEError(f"device must be one that torch has, such as cpu or cuda, found {config.device!r}") from error
    if not all(0 <= beta < 1 for beta in config.betas):
        raise SAEError(f"betas must be at least 0 and below 1, found {config.betas}")
    if config.n_tokens < config.batch_size:
        raise SAEError(f"n_tokens ({config.n_tokens}) must fill at least one batch of batch_size ({config.batch_size})")


def _check_sizes(config: TrainConfig) -> None:
    if (config.d_sae is None) == (config.expansion is None):
        raise SAEError(f"give either d_sae or expansion, found d_sae={config.d_sae}, expansion={config.expansion}")
    if config.widths is None:
        return
    if config.architecture != "matryoshka":
        raise SAEError(f"widths are for matryoshka SAEs, not for {config.architecture}")
    if list(config.widths) != sorted({*config.widths}) or not config.widths or config.widths[0] < 1:
        raise SAEError(f"widths must be ascending and at least 1, found {config.widths}")
    if config.d_sae is not None and config.widths[-1] != config.d_sae:
        raise SAEError(f"the last of widths must be d_sae ({config.d_sae}), found {config.widths}")


def _check_sparsity(config: TrainConfig) -> None:
    if config.architecture in SELECTING:
        if config.k is None:
            raise SAEError(f"a {config.architecture} SAE needs k, the number of features an input")
        if config.d_sae is not None and config.k > config.d_sae:
            raise SAEError(f"k ({config.k}) must not be above d_sae ({config.d_sae})")
        if config.penalty != "l1":
            raise SAEError(f"a {config.architecture} SAE has no penalty, found penalty={config.penalty!r}")
        return
    if config.k is not None:
        raise SAEError(f"k is for {', '.join(SELECTING)} SAEs, not for {config.architecture}")
    if config.l1_coefficient is None:
        raise SAEError(f"a {config.architecture} SAE needs l1_coefficient, the weight of its penalty")
    counts = config.penalty == "step"
    if config.architecture == "jumprelu" and not (counts or config.penalty.startswith("tanh")):
        raise SAEError(f"a jumprelu SAE takes penalty 'step' or 'tanh:SCALE', found {config.penalty!r}")
    if config.architecture != "jumprelu" and counts:
        raise SAEError(f"penalty 'step' is for jumprelu SAEs; {config.architecture} takes 'l0:EPS' for a smooth one")
    if config.l0_target is not None and not counts:
        raise SAEError("l0_target is for jumprelu SAEs with penalty 'step'")
    if not counts:
        parse_penalty(config.penalty)
