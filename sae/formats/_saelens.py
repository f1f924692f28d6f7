"""SAELens's folder: ``cfg.json`` and ``sae_weights.safetensors``."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from pydantic import BaseModel, Field, ValidationError
from safetensors.torch import save_file
from torch import Tensor
from torch.linalg import vector_norm

from sae._atomic import replace_atomically
from sae._config import STACKED
from sae._errors import SAEError
from sae._model import SAE
from sae.architectures import build
from sae.formats._format import Format
from sae.formats._read import naming, read_safetensors
from sae.formats._saelens_config import Recorded, format_config, parse_config
from sae.formats._saelens_restore import restore

CONFIG_FILE = "cfg.json"
WEIGHTS_FILE = "sae_weights.safetensors"
SCALER_FILE = "activation_scaler.json"
"""In a training checkpoint: what its inputs were multiplied with."""

_NEUTRAL_WHEN_ONE = {"scaling_factor", "finetuning_scaling_factor"}  # the flat format stored these, mostly unused


def save(model: SAE, path: str | Path) -> None:
    """Write an SAE as a SAELens folder.

    What SAELens has no architecture for is written as one that computes the same (``SAE.plain``), and comes back from
    ``load`` as what it was. The old config is removed first and the new one written last, so an interrupted write never
    leaves a config beside weights it does not belong to.

    Args:
        model: The SAE; it is written as it is, on whatever device it lies.
        path: The folder, made when missing; an SAE already in it is replaced.

    Raises:
        SAEError: The metadata can't be written as JSON; or it is a stack.
    """
    path = Path(path)
    if model.cfg.architecture == STACKED:
        raise SAEError(
            f"{path}: a stack is no SAELens folder. Write sae.stack.concatenate(stack), where that is the same "
            "function, or the stack itself with sae.stack.save_stack"
        )
    model = model.plain()
    text = format_config(model.cfg)
    path.mkdir(parents=True, exist_ok=True)
    config = path / CONFIG_FILE
    config.unlink(missing_ok=True)
    tensors = {name: tensor.cpu().contiguous() for name, tensor in model.tensors().items()}
    with replace_atomically(path / WEIGHTS_FILE) as temporary:
        save_file(tensors, temporary)
    with replace_atomically(config) as temporary:
        temporary.write_text(text, encoding="utf-8")


def load(path: Path) -> SAE:
    """Read a SAELens folder, of version 6 or flat, of an SAE or a training checkpoint.

    Args:
        path: The folder.

    Returns:
        The SAE, on the CPU.

    Raises:
        SAEError: A file is missing or broken, or the tensors do not fit the config.
    """
    config_file, weights_file = path / CONFIG_FILE, path / WEIGHTS_FILE
    for file in (config_file, weights_file):
        if not file.is_file():
            raise SAEError(f"{file} is missing: a SAELens folder holds {CONFIG_FILE} and {WEIGHTS_FILE}")
    with naming(config_file):
        try:
            text = config_file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise SAEError(f"not UTF-8: {error}") from error
        recorded = parse_config(text)
    scale = _input_scale(path) if recorded.scales_inputs else None
    tensors = read_safetensors(weights_file)
    with naming(weights_file):
        return restore(_folded(build(recorded.cfg, _with_our_names(tensors)), recorded, scale))


class _Scaler(BaseModel):
    """The scale of a training checkpoint's inputs."""

    scaling_factor: float = Field(gt=0, allow_inf_nan=False)
    has_whitening: bool = False


def _input_scale(path: Path) -> float:
    file = path / SCALER_FILE
    if not file.is_file():
        raise SAEError(
            f"{path / CONFIG_FILE}: normalize_activations is 'expected_average_only_in', but the factor that inputs "
            f"were scaled with is not there (a training checkpoint has it in {SCALER_FILE}): fold it into the weights"
        )
    try:
        scaler = _Scaler.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, ValidationError) as error:
        raise SAEError(f"{file} does not hold a scaling_factor above 0: {error}") from error
    if scaler.has_whitening:
        raise SAEError(f"{file}: the inputs were whitened, which can't be computed here")
    return scaler.scaling_factor


def _with_our_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename what older versions and training checkpoints call otherwise, and drop what changes nothing."""
    found = dict(tensors)
    for name in _NEUTRAL_WHEN_ONE & tensors.keys():
        values = tensors[name].float()
        if torch.allclose(values, torch.ones_like(values)):  # as SAELens asks
            del found[name]
    if "log_threshold" in found:
        found["threshold"] = found.pop("log_threshold").exp()
    if "topk_threshold" in found:
        found["threshold"] = found.pop("topk_threshold")
    return found


def _folded(model: SAE, recorded: Recorded, scale: float | None) -> SAE:
    """Put into the weights what SAELens does around them, in its order; features keep their size."""
    if scale is None and not recorded.rescales_by_decoder_norm:
        return model
    tensors = model.tensors()
    if scale is not None:
        tensors["W_enc"] = tensors["W_enc"] * scale
        tensors["W_dec"] = tensors["W_dec"] / scale
        tensors["b_dec"] = tensors["b_dec"] / scale
        if recorded.rescales_by_decoder_norm and "threshold" in tensors:
            tensors["threshold"] = tensors["threshold"] / scale
    if recorded.rescales_by_decoder_norm:
        norms = vector_norm(tensors["W_dec"], dim=1)  # [d_sae]
        tensors["W_enc"] = tensors["W_enc"] * norms
        tensors["b_enc"] = tensors["b_enc"] * norms
        tensors["W_dec"] = tensors["W_dec"] / norms.where(norms > 0, 1.0)[:, None]
    return build(model.cfg, tensors)


def _detect(path: Path) -> bool:
    return path.is_dir() and ((path / CONFIG_FILE).exists() or (path / WEIGHTS_FILE).exists())


SAELENS = Format(name=f"SAELens folder ({CONFIG_FILE}, {WEIGHTS_FILE})", detect=_detect, load=load)
"""The format this project writes."""
