"""SAELens's ``cfg.json``: the format of its version 6, and the flat one before it.

From version 6 on, everything about the model and the data lies in ``metadata``; before, it lay beside the sizes.
SAELens decides by ``metadata.sae_lens_version``: without it, it takes a file for a flat one and drops its metadata.
"""

from __future__ import annotations

import dataclasses
import json
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


class _Sizes(BaseModel):
    """The part of the file that says how to compute."""

    architecture: str = "standard"
    d_in: int
    d_sae: int
    dtype: str = "float32"
    apply_b_dec_to_input: bool = True
    normalize_activations: str = "none"
    reshape_activations: Literal["none"] = "none"

    @field_validator("dtype")
    @classmethod
    def _short(cls, value: str) -> str:
        return value.removeprefix("torch.")

    @field_validator("normalize_activations", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        # None and booleans are how the flat format said it.
        return "none" if not value else "expected_average_only_in" if value is True else value


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


def parse_config(text: str) -> SAEConfig:
    """Read the text of a ``cfg.json``.

    Args:
        text: JSON, of version 6 or flat.

    Returns:
        The config; what has no field of its own is in ``metadata.extra``.

    Raises:
        SAEError: Not JSON, a value of the wrong kind, or an SAE that can't be computed here.
    """
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise SAEError(f"not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise SAEError(f"expected a JSON object, found {type(raw).__name__}")
    metadata = raw.get("metadata")
    flat = _with_new_names(raw) if not isinstance(metadata, dict) else {**raw, **metadata}
    try:
        sizes = _Sizes.model_validate(flat)
        kept = {
            key: value for key, value in flat.items() if key not in _FORMAT_KEYS | {"metadata", *_Sizes.model_fields}
        }
        provenance = _Provenance.model_validate(kept)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise SAEError(problems) from error
    fields = {name: getattr(provenance, name) for name in _Provenance.model_fields}
    return SAEConfig(
        **sizes.model_dump(exclude={"reshape_activations"}),
        metadata=SAEMetadata(**fields, extra=dict(provenance.model_extra or {})),
    )


def format_config(cfg: SAEConfig) -> str:
    """Write a ``cfg.json`` of version 6.

    Args:
        cfg: The config of an SAE.

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
        "reshape_activations": "none",
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
        flat["architecture"] = activation  # refused by its name: the flat format called a TopK SAE "standard"
    flat.setdefault("prepend_bos", True)
    flat.setdefault("reshape_activations", "hook_z" if "hook_z" in (flat.get("hook_name") or "") else "none")
    return flat
