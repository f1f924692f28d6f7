"""SAELens's folder: ``cfg.json`` and ``sae_weights.safetensors``."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sae._atomic import replace_atomically
from sae._errors import SAEError
from sae._model import SAE
from sae.formats._format import Format
from sae.formats._saelens_config import format_config, parse_config

CONFIG_FILE = "cfg.json"
WEIGHTS_FILE = "sae_weights.safetensors"

_WEIGHTS = {"W_enc", "b_enc", "W_dec", "b_dec"}
_NEUTRAL_WHEN_ONE = {"scaling_factor", "finetuning_scaling_factor"}  # the flat format stored these, mostly unused


def save(model: SAE, path: Path) -> None:
    """Write an SAE as a SAELens folder.

    The old config is removed first and the new one written last, so an interrupted write never leaves a config beside
    weights it does not belong to.

    Args:
        model: The SAE; it is written as it is, on whatever device it lies.
        path: The folder, made when missing; an SAE already in it is replaced.

    Raises:
        SAEError: The metadata can't be written as JSON.
    """
    text = format_config(model.cfg)
    path.mkdir(parents=True, exist_ok=True)
    config = path / CONFIG_FILE
    config.unlink(missing_ok=True)
    tensors = {name: weight.detach().cpu().contiguous() for name, weight in model.named_parameters()}
    with replace_atomically(path / WEIGHTS_FILE) as temporary:
        save_file(tensors, temporary)
    with replace_atomically(config) as temporary:
        temporary.write_text(text, encoding="utf-8")


def load(path: Path) -> SAE:
    """Read a SAELens folder, of version 6 or flat.

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
    try:
        cfg = parse_config(config_file.read_text(encoding="utf-8"))
    except (SAEError, UnicodeDecodeError) as error:
        raise SAEError(f"{config_file}: {error}") from error
    try:
        tensors: dict[str, Tensor] = load_file(weights_file)
    except (SafetensorError, OSError) as error:
        raise SAEError(f"{weights_file} can't be read as safetensors: {error}") from error
    try:
        return SAE(cfg, **_expected_tensors(tensors))
    except SAEError as error:
        raise SAEError(f"{weights_file}: {error}") from error


def _expected_tensors(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    missing = sorted(_WEIGHTS - tensors.keys())
    if missing:
        raise SAEError(f"tensor {', '.join(missing)} is missing; found {', '.join(sorted(tensors)) or 'none'}")
    for name in sorted(tensors.keys() - _WEIGHTS):
        if name not in _NEUTRAL_WHEN_ONE or not bool(torch.all(tensors[name] == 1)):
            raise SAEError(f"tensor {name} is not part of a standard SAE, and leaving it out would change its features")
    return {name: tensors[name] for name in _WEIGHTS}


def _detect(path: Path) -> bool:
    return path.is_dir() and ((path / CONFIG_FILE).exists() or (path / WEIGHTS_FILE).exists())


SAELENS = Format(name=f"SAELens folder ({CONFIG_FILE}, {WEIGHTS_FILE})", detect=_detect, load=load)
"""The format this project writes."""
