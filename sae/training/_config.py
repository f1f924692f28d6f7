"""How an SAE is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sae._errors import SAEError
from sae.penalties import OrthogonalityKind
from sae.training._config_checks import SELECTING, check
from sae.training._loss import Reduction
from sae.training._resample import COMPETING_SCALE, RESAMPLING, Resampling


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a training, besides its data.

    On a CPU, the same data, config and thread count give the same bits.
    """

    n_tokens: int
    """Activation vectors to train on; the last ones that do not fill a batch are not used."""
    architecture: str = "standard"
    """``standard`` (ReLU), ``tied``, ``gated``, ``topk``, ``batchtopk``, ``jumprelu`` or ``matryoshka``."""
    l1_coefficient: float | None = None
    """Weight of the penalty, in the units of ``l1_reduction``; not used where the k largest features are selected."""
    penalty: str = "l1"
    """What a feature costs: ``l1``, or another penalty as ``sae.penalties.parse_penalty`` reads it (``sqrt``,
    ``l0:0.2``, ...); jumprelu takes ``step`` (the number of features that fire) or ``tanh:...``; not used with k."""
    d_sae: int | None = None
    """Number of features; either this or ``expansion``."""
    expansion: int | None = None
    """Number of features as a multiple of d_in."""
    k: int | None = None
    """topk, batchtopk, matryoshka: features an input; the last two take it as an average over the batch."""
    widths: tuple[int, ...] | None = None
    """matryoshka: the nested sizes, ascending, the last one d_sae; by default 1/16, 1/8, 1/4, 1/2 and all of it."""
    threshold_init: float = 0.1
    """jumprelu: where the thresholds start, in the units of the scaled inputs."""
    threshold_bandwidth: float = 0.1
    """jumprelu: width of the window around a threshold from which it learns."""
    l0_target: float | None = None
    """jumprelu with ``step``: penalise ``(L0 / l0_target - 1)^2`` rather than L0."""
    l1_reduction: Reduction = "sse"
    """How error and penalty are averaged: see ``sae.sparsity_loss``."""
    l1_warmup_steps: int = 0
    """Steps over which the penalty rises linearly to ``l1_coefficient``."""
    frequency_coefficient: float = 0.0
    """Not with k: weight of the penalty on features rarer than ``frequency_min``; 0 for none."""
    frequency_min: float = 1e-5
    """Share of inputs on which a feature should fire at least."""
    frequency_window: int = 300
    """Batches over which that share is counted; they are kept, 4 bytes a batch and feature."""
    orthogonality_coefficient: float = 0.0
    """Weight of the penalty on the cosines of decoder rows; 0 for none."""
    orthogonality: OrthogonalityKind = "mean"
    """Which cosines: ``mean``, ``mean_max`` or ``max``, see ``sae.penalties.decoder_orthogonality``."""
    aux_k: int | None = None
    """Dead features that help reconstruct what is left (Gao et al. 2024), so that they learn again; None for none."""
    aux_coefficient: float = 1 / 32
    """Weight of that help."""
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
    grad_clip: float | None = 1.0
    """Largest norm of the whole gradient; None for no limit."""
    decoder_norm: str = "unit"
    """``unit``: decoder rows keep norm 1, and their gradients lose the part along the row. ``free`` (standard): rows
    have any norm and start at 0.1, as the encoder's, and the penalty is on a feature times its row's norm.
    ``unpenalised``: any norm, and the penalty is on the feature alone."""
    resample_every: int | None = None
    """Steps between two resamplings of dead features; None for never, or, in one of the published modes, for the steps
    of that mode."""
    resample_mode: str = "default"
    """How they are resampled: ``default``, or as published: ``blog``, ``code``, ``bricken`` (see ``RESAMPLING``)."""
    resample_dead_window: int | None = None
    """A feature without a firing in this many steps is dead; None for the mode's own window (default: 250), which in a
    published mode is as long in proportion to ``resample_every`` as it was published."""
    resample_scale: float | None = None
    """Norm of a resampled encoder direction; None for the mode's own (default: 0.2 mean norms of the alive ones, or 1
    where the k largest features are selected)."""
    resample_guard: bool | None = None
    """Never draw inputs with outlier norms; None for the mode's own choice (default: yes)."""
    normalise: str = "expected_average"
    """``none``, or ``expected_average``: inputs are scaled to a mean norm of sqrt(d_in); the scale is folded back."""
    b_dec_init: str = "auto"
    """Where b_dec starts: ``zero``, or the ``mean`` or ``geometric_median`` of the first inputs; ``auto``: zero where
    ``decoder_norm`` is ``free``, else the geometric median."""
    n_init: int = 8192
    """First inputs that scale and b_dec are estimated from (they are trained on as well)."""
    encoder_dtype: str = "float32"
    """Of the encoder's large product: ``float32`` or ``bfloat16`` (faster on machines that have it, values are rounded
    to 8 bits); everything else stays float32."""
    seed: int = 0
    """Of the initial weights and of resampling."""
    device: str = "cpu"
    """Where to train."""
    log_every: int = 20
    """Steps between two entries of the history."""

    def __post_init__(self) -> None:
        check(self)

    @property
    def n_steps(self) -> int:
        """Number of optimizer steps."""
        return self.n_tokens // self.batch_size

    @property
    def selects(self) -> bool:
        """Whether the k largest features are selected, so that no penalty is needed."""
        return self.architecture in SELECTING

    @property
    def b_dec_start(self) -> str:
        """Where b_dec starts, ``auto`` resolved."""
        if self.b_dec_init != "auto":
            return self.b_dec_init
        return "zero" if self.decoder_norm == "free" else "geometric_median"

    @property
    def resampling(self) -> Resampling:
        """How dead features are resampled, when they are: the mode with this config's changes."""
        mode = RESAMPLING[self.resample_mode]
        if self.selects and self.resample_mode == "default":
            mode = replace(mode, encoder_scale=COMPETING_SCALE)
        window = self.resample_dead_window
        if window is None and self.resample_every is not None and self.resample_mode != "default":
            window = mode.window_of(self.resample_every)
        changes: dict[str, object] = {
            "schedule": self.resample_every,
            "window": window,
            "encoder_scale": self.resample_scale,
            "guard_outliers": self.resample_guard,
            "threshold": self.threshold_init,
        }
        return replace(mode, **{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]

    @property
    def resamples(self) -> bool:
        """Whether dead features are resampled at all."""
        return self.resample_every is not None or self.resample_mode != "default"

    def n_features(self, d_in: int) -> int:
        """Give the number of features for inputs of this length."""
        return self.d_sae if self.d_sae is not None else (self.expansion or 1) * d_in

    def nested_widths(self, d_sae: int) -> tuple[int, ...]:
        """Give the sizes that are to reconstruct alone, ascending: ``(d_sae,)`` but for matryoshka."""
        if self.architecture != "matryoshka":
            return (d_sae,)
        return self.widths or tuple(sorted({max(1, d_sae // part) for part in (16, 8, 4, 2, 1)}))

    def check_sizes(self, d_in: int) -> None:
        """Look whether k and widths fit the number of features that inputs of this length give.

        Raises:
            SAEError: One does not.
        """
        d_sae = self.n_features(d_in)
        if (self.k or 0) > d_sae:
            raise SAEError(f"k ({self.k}) must not be above d_sae ({d_sae})")
        widths = self.nested_widths(d_sae)
        if widths[-1] != d_sae:
            raise SAEError(f"the last of widths must be d_sae ({d_sae}), found {widths}")

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
        """Give the coefficient of the penalty in a step.

        Args:
            step: From 1 to ``n_steps``.

        Returns:
            The coefficient, after its linear rise the full one; 0 where features are selected instead.
        """
        if self.selects or self.l1_coefficient is None:
            return 0.0
        return self.l1_coefficient * (min(1.0, step / self.l1_warmup_steps) if self.l1_warmup_steps else 1.0)

    def resamples_at(self, step: int) -> bool:
        """Tell whether dead features are resampled after a step; by default not in the last fifth: they must settle."""
        return self.resamples and self.resampling.at(step, self.n_steps)
