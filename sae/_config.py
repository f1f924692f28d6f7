"""What an SAE is, apart from its weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from sae._errors import SAEError

ARCHITECTURES = ("standard", "tied", "gated", "topk", "batchtopk", "jumprelu", "matryoshka")
"""The architectures; ``sae.architectures`` has a class for each."""

STACKED = "stacked"
"""What several SAEs in a row have in place of one (see ``sae.stack``): made of SAEs, not of tensors."""

NORMALISATIONS = ("none", "layer_norm", "constant_norm_rescale")
"""What an encoder may do to each input first, in SAELens's words."""

DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float64": torch.float64,
}
"""The dtypes of weights, by the name they have in a config."""

WeightProcessing = Literal["raw", "compatibility"]


@dataclass(frozen=True)
class SAEMetadata:
    """Where an SAE's training activations came from, and what is known about its training."""

    model_name: str | None = None
    """The language model, as its library names it."""
    hook_name: str | None = None
    """The TransformerLens hook point of the activations, e.g. ``blocks.6.hook_resid_pre``."""
    context_size: int | None = None
    """Tokens in a training context, the BOS included."""
    prepend_bos: bool | None = None
    """Whether training contexts began with a BOS token."""
    dataset_path: str | None = None
    """The text corpus."""
    weight_processing: WeightProcessing | None = None
    """The model's weights as published (``raw``), or folded and centred as TransformerLens does (``compatibility``)."""
    n_dead_train: int | None = None
    """How many features did not fire in the last training window."""
    dead_train: tuple[int, ...] | None = None
    """Those features, ascending."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Everything else the file recorded; must be JSON."""


@dataclass(frozen=True)
class SAEConfig:
    """Architecture, sizes and provenance of an SAE."""

    architecture: str
    """One of ``ARCHITECTURES``; or ``STACKED``."""
    d_in: int
    """Length of an activation vector."""
    d_sae: int
    """Number of features."""
    dtype: str = "float32"
    """Dtype of the weights, one of ``DTYPES``."""
    apply_b_dec_to_input: bool = True
    """Whether the encoder reads ``x - b_dec`` rather than ``x``."""
    normalize_activations: str = "none"
    """What happens to each input first, one of ``NORMALISATIONS``; a constant scale is folded into the weights."""
    k: int | None = None
    """topk, batchtopk, matryoshka: how many features a token had in training (topk: has, always)."""
    widths: tuple[int, ...] | None = None
    """matryoshka: how many features each nested dictionary has, ascending; the last is ``d_sae``."""
    metadata: SAEMetadata = field(default_factory=SAEMetadata)
    """Where its activations came from."""

    def __post_init__(self) -> None:
        if self.architecture not in {*ARCHITECTURES, STACKED}:
            raise SAEError(f"unknown SAE architecture {self.architecture!r}; known: {', '.join(ARCHITECTURES)}")
        if self.d_in < 1 or self.d_sae < 1:
            raise SAEError(f"d_in and d_sae must be at least 1, found d_in={self.d_in}, d_sae={self.d_sae}")
        if self.dtype not in DTYPES:
            raise SAEError(f"unknown SAE dtype {self.dtype!r}; known: {', '.join(DTYPES)}")
        if self.normalize_activations not in NORMALISATIONS:
            raise SAEError(
                f"normalize_activations must be one of {', '.join(NORMALISATIONS)}, found "
                f"{self.normalize_activations!r}: fold any other normalisation into the weights before loading"
            )
        self._check_k()
        self._check_widths()
        dead = self.metadata.dead_train or ()
        if any(not 0 <= feature < self.d_sae for feature in dead):
            raise SAEError(f"dead_train names features outside 0..{self.d_sae - 1} (d_sae={self.d_sae})")

    def _check_k(self) -> None:
        if self.k is None:
            if self.architecture == "topk":
                raise SAEError("a topk SAE needs k, the number of features a token has")
        elif self.architecture not in {"topk", "batchtopk", "matryoshka"}:
            raise SAEError(f"k={self.k} means nothing to the architecture {self.architecture!r}")
        elif not 1 <= self.k <= self.d_sae:
            raise SAEError(f"k must lie in 1..{self.d_sae} (d_sae), found {self.k}")

    def _check_widths(self) -> None:
        if (self.widths is not None) != (self.architecture == "matryoshka"):
            raise SAEError(f"widths belong to matryoshka SAEs and to no other; found {self.widths}")
        if self.widths is not None:
            ascending = all(low < high for low, high in zip((0, *self.widths), self.widths, strict=False))
            if not ascending or self.widths[-1:] != (self.d_sae,):
                raise SAEError(f"widths must ascend from at least 1 to d_sae={self.d_sae}, found {self.widths}")
