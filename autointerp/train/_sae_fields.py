"""The fields of ``train``'s TOML file that say how the SAE learns: those of ``sae.TrainConfig``, under their names."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

import sae

Unlimited = Annotated[float | None, BeforeValidator(lambda value: None if value == "none" else value)]
"""A number, or ``none``, for which TOML has no word of its own."""
_LISTED = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)


class SAEFields(BaseModel):
    """How the SAE is built and trained; ranges and combinations are checked by ``sae.TrainConfig`` itself."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, strict=True, allow_inf_nan=False
    )

    architecture: str = "standard"
    """standard (ReLU), tied, gated, topk, batchtopk, jumprelu or matryoshka."""
    expansion: int = Field(default=8, ge=1)
    """d_sae / d_in."""
    d_sae: int | None = None
    """Number of features, in place of expansion."""
    k: int | None = None
    """topk, batchtopk, matryoshka: features an input (an average over the batch for the last two)."""
    widths: Annotated[tuple[int, ...] | None, _LISTED] = None
    """matryoshka: the nested sizes, ascending, the last one d_sae (default: 1/16, 1/8, 1/4, 1/2 and all of it)."""
    penalty: str = "l1"
    """l1, power:P, sqrt, fourth_root, scaled_sqrt:A, offset_sqrt:A, tanh:S, log:A, l0:EPS; jumprelu: step or tanh:S."""
    l1_coefficient: float = Field(default=2.0, ge=0)
    """Weight of the penalty, in the units of l1_reduction; not used by topk, batchtopk and matryoshka."""
    l1_reduction: Literal["code", "paper", "sse"] = "sse"
    """How squared error and penalty are averaged: see sae.sparsity_loss."""
    l1_warmup_steps: int = Field(default=100, ge=0)
    """Steps over which the penalty rises linearly."""
    threshold_init: float = 0.1
    """jumprelu: where the thresholds start, in the units of the scaled inputs."""
    threshold_bandwidth: float = 0.1
    """jumprelu: width of the window around a threshold from which it learns."""
    l0_target: float | None = None
    """jumprelu with the penalty step: aim at this L0."""
    frequency_coefficient: float = 0.0
    """Not with k: weight of the penalty on features rarer than frequency_min; 0 for none."""
    frequency_min: float = 1e-5
    """Share of inputs on which a feature should fire at least."""
    frequency_window: int = 300
    """Batches over which that share is counted."""
    orthogonality_coefficient: float = 0.0
    """Weight of the penalty on the cosines of decoder rows; 0 for none."""
    orthogonality: str = "mean"
    """Which cosines: mean, mean_max or max."""
    aux_k: int | None = None
    """Dead features that help to reconstruct what is left, so that they learn again (default: none)."""
    aux_coefficient: float = 1 / 32
    """Weight of that help."""
    lr: float = Field(default=3e-3, gt=0)
    """Adam's peak learning rate."""
    betas: Annotated[tuple[float, float], _LISTED] = (0.9, 0.999)
    """Adam's decay rates."""
    batch_size: int = Field(default=1024, ge=1)
    """Activations a step."""
    lr_warmup_steps: int = 100
    """Steps over which the learning rate rises linearly."""
    lr_decay: float = 0.2
    """Last fraction of the steps, over which the learning rate falls linearly to 0."""
    grad_clip: Unlimited = 1.0
    """Largest norm of the whole gradient; "none" for no limit."""
    decoder_norm: str = "unit"
    """unit: decoder rows keep norm 1; free (standard): any norm, and the penalty is on features times norms;
    unpenalised: any norm."""
    resample_every: int | None = Field(default=None, ge=1)
    """Steps between resamplings of dead features (default: never, or the schedule of resample_mode)."""
    resample_mode: str = "default"
    """How they are resampled: default, or as published: blog, code, bricken."""
    resample_dead_window: int | None = None
    """A feature without a firing in this many steps is dead (default: 200, or the window of resample_mode, as long in
    proportion to resample_every as it was published)."""
    resample_scale: float | None = None
    """Norm of a resampled encoder direction (default: 0.2 mean norms of the alive ones, 1 with k, or that of
    resample_mode)."""
    resample_guard: bool | None = None
    """Never resample on inputs with outlier norms (default: yes, or as in resample_mode)."""
    normalise: str = "expected_average"
    """none, or expected_average: inputs are scaled to a mean norm of sqrt(d_in); the scale is folded back."""
    b_dec_init: str = "auto"
    """Where b_dec starts: zero, or the mean or geometric_median of the first inputs (auto: zero where decoder_norm is
    free, else the geometric median)."""
    n_init: int = 8192
    """First inputs that scale and b_dec are estimated from."""
    encoder_dtype: str = "float32"
    """Of the encoder's large product: float32, or bfloat16 (faster where the machine has it)."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Of initialisation, shuffling and resampling."""
    device: str = "cpu"
    """cpu or cuda, for the model and the SAE."""
    log_every: int = 20
    """Steps between two rows of the metrics."""

    @model_validator(mode="after")
    def _check(self) -> SAEFields:
        if self.d_sae is not None and "expansion" in self.model_fields_set:
            raise ValueError("give either d_sae or expansion, not both")
        self.sae_config(self.batch_size)
        return self

    def sae_config(self, n_vectors: int) -> sae.TrainConfig:
        """The same, as the SAE core takes it.

        Args:
            n_vectors: Activations to train on.

        Raises:
            SAEError: A value is out of its range, or two do not go together.
        """
        values: dict[str, Any] = {name: getattr(self, name) for name in SAEFields.model_fields}
        if self.d_sae is not None:
            values["expansion"] = None
        if self.resample_dead_window is None and self.resample_mode == "default":
            values["resample_dead_window"] = 200
        return sae.TrainConfig(n_tokens=n_vectors, **values)
