"""How an SAE is trained."""

from __future__ import annotations

from dataclasses import dataclass

from sae._errors import SAEError
from sae.training._loss import REDUCTIONS, Reduction

NORMALISATIONS = ("none", "expected_average")
B_DEC_INITS = ("zero", "mean", "geometric_median")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a training, besides its data.

    On a CPU, the same data, config and thread count give the same bits.
    """

    n_tokens: int
    """Activation vectors to train on; the last ones that do not fill a batch are not used."""
    l1_coefficient: float
    """Weight of the L1 penalty, in the units of ``l1_reduction``."""
    d_sae: int | None = None
    """Number of features; either this or ``expansion``."""
    expansion: int | None = None
    """Number of features as a multiple of d_in."""
    l1_reduction: Reduction = "sse"
    """How error and penalty are averaged: see ``sae.sparsity_loss``."""
    lr: float = 1e-3
    """Adam's peak learning rate."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam's decay rates."""
    batch_size: int = 2048
    """Vectors in a step."""
    lr_warmup_steps: int = 100
    """Steps over which the learning rate rises linearly to ``lr``."""
    lr_decay: float = 0.2
    """Last fraction of the steps, over which the learning rate falls linearly to 0."""
    l1_warmup_steps: int = 0
    """Steps over which the penalty rises linearly to ``l1_coefficient``."""
    decoder_unit_norm: bool = True
    """Keep decoder rows at norm 1 in every step, and take the part along the row out of its gradient."""
    resample_every: int | None = None
    """Steps between two resamplings of dead features; None for never."""
    resample_dead_window: int = 250
    """A feature without a firing in this many steps is dead."""
    resample_scale: float = 0.2
    """Norm of a resampled encoder direction, in mean norms of the alive ones."""
    normalise: str = "expected_average"
    """``none``, or ``expected_average``: inputs are scaled to a mean norm of sqrt(d_in); the scale is folded back."""
    b_dec_init: str = "geometric_median"
    """Where b_dec starts: ``zero``, or the ``mean`` or ``geometric_median`` of the first inputs."""
    n_init: int = 8192
    """First inputs that scale and b_dec are estimated from (they are trained on as well)."""
    grad_clip: float | None = 1.0
    """Largest norm of the whole gradient; None for no limit."""
    seed: int = 0
    """Of the initial weights and of resampling."""
    device: str = "cpu"
    """Where to train."""
    log_every: int = 20
    """Steps between two entries of the history."""

    def __post_init__(self) -> None:
        if (self.d_sae is None) == (self.expansion is None):
            raise SAEError(f"give either d_sae or expansion, found d_sae={self.d_sae}, expansion={self.expansion}")
        _check_choice("l1_reduction", self.l1_reduction, REDUCTIONS)
        _check_choice("normalise", self.normalise, NORMALISATIONS)
        _check_choice("b_dec_init", self.b_dec_init, B_DEC_INITS)
        for name in (
            "d_sae",
            "expansion",
            "batch_size",
            "resample_every",
            "resample_dead_window",
            "n_init",
            "log_every",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SAEError(f"{name} must be at least 1, found {value}")
        for name in ("l1_coefficient", "lr_warmup_steps", "l1_warmup_steps", "resample_scale"):
            if getattr(self, name) < 0:
                raise SAEError(f"{name} must not be negative, found {getattr(self, name)}")
        if self.lr <= 0 or (self.grad_clip is not None and self.grad_clip <= 0):
            raise SAEError(f"lr and grad_clip must be above 0, found lr={self.lr}, grad_clip={self.grad_clip}")
        if not 0 <= self.lr_decay <= 1:
            raise SAEError(f"lr_decay must lie between 0 and 1, found {self.lr_decay}")
        if self.n_tokens < self.batch_size:
            raise SAEError(f"n_tokens ({self.n_tokens}) must fill at least one batch of batch_size ({self.batch_size})")

    @property
    def n_steps(self) -> int:
        """Number of optimizer steps."""
        return self.n_tokens // self.batch_size

    def n_features(self, d_in: int) -> int:
        """Give the number of features for inputs of this length."""
        return self.d_sae if self.d_sae is not None else (self.expansion or 1) * d_in

    def lr_at(self, step: int) -> float:
        """Give the learning rate of a step: a linear rise, a plateau, a linear fall.

        Args:
            step: From 1 to ``n_steps``.

        Returns:
            The rate; above 0 in every step.
        """
        warm = min(1.0, step / self.lr_warmup_steps) if self.lr_warmup_steps else 1.0
        n_decay = self.lr_decay * self.n_steps
        cool = min(1.0, (self.n_steps - step + 1) / n_decay) if n_decay else 1.0
        return self.lr * min(warm, cool)

    def l1_at(self, step: int) -> float:
        """Give the L1 coefficient of a step.

        Args:
            step: From 1 to ``n_steps``.

        Returns:
            The coefficient, after its linear rise the full one.
        """
        return self.l1_coefficient * (min(1.0, step / self.l1_warmup_steps) if self.l1_warmup_steps else 1.0)

    def resamples_at(self, step: int) -> bool:
        """Tell whether dead features are resampled after a step: never in the last fifth, which lets them settle."""
        return self.resample_every is not None and step % self.resample_every == 0 and step <= 0.8 * self.n_steps


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SAEError(f"{name} must be one of {', '.join(known)}, found {value!r}")
