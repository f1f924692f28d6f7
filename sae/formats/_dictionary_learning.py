"""dictionary_learning's ``trainer_i`` folder: ``config.json`` and ``ae.pt``.

``ae.pt`` is a state dict; which class it belongs to stands only in the config, and two classes share all tensor names.
Weights are taken as stored: features of an ``AutoEncoder`` whose decoder rows are not of length 1 are not rescaled,
which ``AutoEncoder.from_pretrained`` does unless told otherwise (the reconstruction is the same).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from sae._config import SAEConfig, SAEMetadata
from sae._errors import SAEError
from sae._model import SAE
from sae.architectures import build
from sae.formats._format import Format
from sae.formats._read import check_tensors, dtype_name, naming, read_json, read_torch, whole_number

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "ae.pt"


@dataclass(frozen=True)
class _Layout:
    """How a class of theirs keeps what an architecture here needs."""

    architecture: str
    names: dict[str, str]
    """Our weight to their tensor; names ending in ``.weight`` belong to linear layers, which keep the transpose."""
    apply_b_dec_to_input: bool = True
    optional: tuple[str, ...] = ()
    """Tensors that encoding does not use."""


_LINEAR = {"W_enc": "encoder.weight", "W_dec": "decoder.weight"}
_PLAIN = {name: name for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
_TOP_K = {**_LINEAR, "b_enc": "encoder.bias", "b_dec": "b_dec"}
_LAYOUTS = {
    "AutoEncoder": _Layout("standard", {**_LINEAR, "b_enc": "encoder.bias", "b_dec": "bias"}),
    "AutoEncoderNew": _Layout("standard", {**_LINEAR, "b_enc": "encoder.bias", "b_dec": "decoder.bias"}, False),
    "GatedAutoEncoder": _Layout(
        "gated", {**_LINEAR, "b_gate": "gate_bias", "r_mag": "r_mag", "b_mag": "mag_bias", "b_dec": "decoder_bias"}
    ),
    "AutoEncoderTopK": _Layout("topk", _TOP_K, optional=("k", "threshold")),
    "BatchTopKSAE": _Layout("batchtopk", {**_TOP_K, "threshold": "threshold"}, optional=("k",)),
    "MatryoshkaBatchTopKSAE": _Layout("matryoshka", {**_PLAIN, "threshold": "threshold"}, optional=("k",)),
    "JumpReluAutoEncoder": _Layout("jumprelu", {**_PLAIN, "threshold": "threshold"}, False),
}
_HOOK = re.compile(r"(?P<place>resid_pre|resid_mid|resid_post|attn_out|mlp_out)_layer_(?P<layer>\d+)")


class _Trainer(BaseModel):
    """What is read of the trainer's part of the config."""

    model_config = ConfigDict(extra="allow")

    dict_class: str
    activation_dim: int = Field(gt=0)
    dict_size: int = Field(gt=0)
    k: int | None = None
    lm_name: str | None = None
    submodule_name: str | None = None


class _Buffer(BaseModel):
    """What is read of the activation buffer's part, which is missing when the activations came from elsewhere."""

    ctx_len: int | None = None
    io: str = "out"


class _Config(BaseModel):
    trainer: _Trainer
    buffer: _Buffer = _Buffer()


def load(path: Path) -> SAE:
    """Read a ``trainer_i`` folder.

    Args:
        path: The folder.

    Returns:
        The SAE, on the CPU.

    Raises:
        SAEError: A file is missing or broken, they contradict each other, or it is no SAE that can be computed here.
    """
    config = read_json(path / CONFIG_FILE, _Config)
    trainer = config.trainer
    with naming(path / CONFIG_FILE):
        layout = _LAYOUTS.get(trainer.dict_class)
        if layout is None:
            raise SAEError(f"dict_class {trainer.dict_class!r} can't be read; known: {', '.join(_LAYOUTS)}")
        if config.buffer.io == "in_and_out":
            raise SAEError("io is 'in_and_out': a transcoder predicts another activation, and is no autoencoder")
    state = read_torch(path / WEIGHTS_FILE)
    with naming(path / WEIGHTS_FILE):
        grouped = ("group_sizes",) if layout.architecture == "matryoshka" else ()
        check_tensors(state, (*layout.names.values(), *grouped), layout.optional)
        cfg = SAEConfig(
            architecture=layout.architecture,
            d_in=trainer.activation_dim,
            d_sae=trainer.dict_size,
            dtype=dtype_name(state[layout.names["W_enc"]]),
            apply_b_dec_to_input=layout.apply_b_dec_to_input,
            k=_k(trainer, state, needed="k" in layout.optional),
            widths=_widths(state["group_sizes"]) if grouped else None,
            metadata=_metadata(config),
        )
        return build(cfg, {ours: _oriented(theirs, state[theirs]) for ours, theirs in layout.names.items()})


def _oriented(name: str, tensor: Tensor) -> Tensor:
    return tensor.T if name.endswith(".weight") and tensor.ndim == 2 else tensor


def _k(trainer: _Trainer, state: dict[str, Any], *, needed: bool) -> int | None:
    if not needed:
        return None
    k = whole_number("k", state["k"]) if "k" in state else trainer.k
    if k is None:
        raise SAEError("there is no k, neither here nor in the config")
    if trainer.k not in {None, k}:
        raise SAEError(f"k is {k} here and {trainer.k} in the config")
    return k


def _widths(group_sizes: Tensor) -> tuple[int, ...]:
    """The nested sizes of a Matryoshka SAE from the sizes of its groups."""
    if group_sizes.ndim != 1 or group_sizes.is_floating_point():
        raise SAEError(f"group_sizes must be a list of integers, found {group_sizes.dtype} {tuple(group_sizes.shape)}")
    return tuple(group_sizes.long().cumsum(0).tolist())


def _metadata(config: _Config) -> SAEMetadata:
    """Their files name the model and, by a convention of their demo, the place; BOS and data set are not recorded."""
    trainer = config.trainer
    hook = _HOOK.fullmatch(trainer.submodule_name or "") if config.buffer.io == "out" else None
    return SAEMetadata(
        model_name=trainer.lm_name,
        hook_name=f"blocks.{hook['layer']}.hook_{hook['place']}" if hook else None,
        context_size=config.buffer.ctx_len,
        weight_processing="raw",
        extra={"dictionary_learning": trainer.model_dump(mode="json")},
    )


def _detect(path: Path) -> bool:
    return path.is_dir() and (path / WEIGHTS_FILE).exists()


DICTIONARY_LEARNING = Format(
    name=f"dictionary_learning folder ({CONFIG_FILE}, {WEIGHTS_FILE})", detect=_detect, load=load
)
"""What ``dictionary_learning.training.trainSAE`` writes."""
