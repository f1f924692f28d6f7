"""SAELens's ``cfg.json``: the format of its version 6, and the flat one before it.

From version 6 on, everything about the model and the data lies in ``metadata``; before, it lay beside the sizes.
SAELens decides by ``metadata.sae_lens_version``: without it, it takes a file for a flat one and drops its metadata.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from sae._config import SAEConfig, SAEMetadata, WeightProcessing
from sae._errors import SAEError

FORMAT_VERSION = "6.0.0"
"""The SAELens version whose format is written."""

_OLD_NAMES = {
    "hook_point": "hook_name",
    "hook_point_head_index": "hook_head_index",
    "activation_fn_str": "activation_fn",
}
_FORMAT_KEYS = {"sae_lens_version", "activation_fn", "activation_fn_kwargs", "finetuning_scaling_factor", "device"}
_SCALED_INPUTS = "expected_average_only_in"
_TOPK_FAMILY = {"topk", "batchtopk", "matryoshka"}  # to others, k and the rescaling mean nothing


@dataclass(frozen=True)
class Recorded:
    """A ``cfg.json`` as read: the config of an SAE, and what its weights still need."""

    cfg: SAEConfig
    """Of the SAE that is there when both are done."""
    rescales_by_decoder_norm: bool
    """Features are multiplied by the norms of their decoder rows before they compete, and divided again to decode."""
    scales_inputs: bool
    """The weights belong to inputs times a constant, which the file does not record."""


class _Sizes(BaseModel):
    """The part of the file that says how to compute."""

    architecture: str = "standard"
    d_in: int
    d_sae: int
    dtype: str = "float32"
    apply_b_dec_to_input: bool = True
    normalize_activations: str = "none"
    reshape_activations: Literal["none", "hook_z"] = "none"
    k: float | None = None
    matryoshka_widths: tuple[int, ...] | None = None
    rescale_acts_by_decoder_norm: bool = False

    @field_validator("architecture")
    @classmethod
    def _ours(cls, value: str) -> str:
        return "matryoshka" if value == "matryoshka_batchtopk" else value

    @field_validator("dtype")
    @classmethod
    def _short(cls, value: str) -> str:
        return value.removeprefix("torch.")

    @field_validator("normalize_activations", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        # None and booleans are how the flat format said it.
        return "none" if not value else _SCALED_INPUTS if value is True else value


class _Provenance(BaseModel):
    """The part of the file that says where the activations came from; unknown keys are kept."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model_name: str | None = None
    hook_name: str | None = None
    context_size: int | None = None
    prepend_bos: bool | None = None
    dataset_path: str | None = None
    weight_processing: WeightProcessing | None = None
    n_dead_train: int | None = None
    dead_train: tuple[int, ...] | None = None


def parse_config(text: str) -> Recorded:
    """Read the text of a ``cfg.json``.

    Args:
        text: JSON, of version 6 (an SAE or a training checkpoint) or flat.

    Returns:
        The config; what has no field of its own is in ``metadata.extra``.

    Raises:
        SAEError: Not JSON, a value of the wrong kind, or an SAE that can't be computed here.
    """
    try:
        raw = json.loads(text, parse_constant=str)  # SAELens may write NaN, which JSON does not have
    except (ValueError, RecursionError) as error:  # a number may have more digits than Python reads
        raise SAEError(f"not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise SAEError(f"expected a JSON object, found {type(raw).__name__}")
    metadata = raw.pop("metadata", None)
    is_flat = not isinstance(metadata, dict)
    top, beside = (_with_new_names(raw), {}) if is_flat else (raw, metadata)
    try:
        sizes = _Sizes.model_validate(top)
        known = {key: value for key, value in top.items() if key not in _Sizes.model_fields} | beside
        provenance = _Provenance.model_validate({k: v for k, v in known.items() if k not in _FORMAT_KEYS})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise SAEError(problems) from error
    fields = {name: getattr(provenance, name) for name in _Provenance.model_fields}
    if provenance.weight_processing is None:
        by_old_saelens = is_flat and ("hook_point" in raw or "sae_lens_version" in raw)
        fields["weight_processing"] = _weight_processing(provenance.model_extra or {}, by_old_saelens=by_old_saelens)
    scales_inputs = sizes.normalize_activations == _SCALED_INPUTS
    cfg = SAEConfig(
        architecture=sizes.architecture,
        d_in=sizes.d_in,
        d_sae=sizes.d_sae,
        dtype=sizes.dtype,
        apply_b_dec_to_input=sizes.apply_b_dec_to_input,
        normalize_activations="none" if scales_inputs else sizes.normalize_activations,
        k=_whole_k(sizes) if sizes.architecture in _TOPK_FAMILY else None,
        widths=sizes.matryoshka_widths if sizes.architecture == "matryoshka" else None,
        metadata=SAEMetadata(**fields, extra=dict(provenance.model_extra or {})),
    )
    rescales = sizes.rescale_acts_by_decoder_norm and sizes.architecture in _TOPK_FAMILY
    return Recorded(cfg, rescales_by_decoder_norm=rescales, scales_inputs=scales_inputs)


def _weight_processing(known: dict[str, Any], *, by_old_saelens: bool) -> WeightProcessing | None:
    """Tell how SAELens loaded the model, by the one argument that changes what the residual stream holds.

    Before version 3.19.2 (September 2024) it centred the weights, and recorded no arguments.
    """
    arguments = known.get("model_from_pretrained_kwargs")
    if isinstance(arguments, dict):
        centred = arguments.get("center_writing_weights")
        return "compatibility" if centred is True else "raw" if centred is False else None
    return "compatibility" if by_old_saelens else None


def _whole_k(sizes: _Sizes) -> int | None:
    """Give k where it is a whole number; a BatchTopK SAE may have had any, and does not need it any more."""
    if sizes.k is None:
        return None
    if not sizes.k.is_integer() and sizes.architecture == "topk":
        raise SAEError(f"k must be a whole number for a topk SAE, found {sizes.k}")
    return int(sizes.k) if sizes.k.is_integer() else None


def format_config(cfg: SAEConfig) -> str:
    """Write a ``cfg.json`` of version 6.

    Args:
        cfg: The config of an SAE whose architecture SAELens has (see ``SAE.plain``).

    Returns:
        JSON with SAELens's keys; fields that are None are left out of ``metadata``, which reads the same.

    Raises:
        SAEError: ``metadata.extra`` holds what JSON can't.
    """
    known = {
        key: value for key, value in dataclasses.asdict(cfg.metadata).items() if key != "extra" and value is not None
    }
    content = {
        "architecture": cfg.architecture,
        "d_in": cfg.d_in,
        "d_sae": cfg.d_sae,
        "dtype": cfg.dtype,
        "device": "cpu",
        "apply_b_dec_to_input": cfg.apply_b_dec_to_input,
        "normalize_activations": cfg.normalize_activations,
        "reshape_activations": _reshaping(cfg.metadata.hook_name),
        **({"k": cfg.k, "rescale_acts_by_decoder_norm": False} if cfg.architecture == "topk" else {}),
        "metadata": {**cfg.metadata.extra, **known, "sae_lens_version": FORMAT_VERSION},
    }
    try:
        return json.dumps(content, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise SAEError(f"metadata.extra can't be written as JSON: {error}") from error


def _with_new_names(raw: dict[str, Any]) -> dict[str, Any]:
    """Rename the keys of the flat format and fill in the defaults it had."""
    flat = {_OLD_NAMES.get(key, key): value for key, value in raw.items()}
    activation = flat.get("activation_fn") or "relu"
    if activation != "relu":
        flat["architecture"] = activation  # the flat format called a TopK SAE "standard"; others are refused by name
    options = flat.get("activation_fn_kwargs")
    if flat.get("architecture") == "topk" and isinstance(options, dict) and options.get("k") is not None:
        flat["k"] = options["k"]  # the one that counted
    flat.setdefault("prepend_bos", True)
    return flat


def _reshaping(hook_name: str | None) -> str:
    """Say what SAELens must do to an activation first: join the heads, which ``SAE.encode`` expects done."""
    return "hook_z" if (hook_name or "").endswith(".hook_z") else "none"
