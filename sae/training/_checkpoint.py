"""A training on disk, to go on from after it was stopped in any way."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from sae._atomic import replace_atomically
from sae._errors import SAEError
from sae._unpickling import describe_refusal
from sae.training._config import TrainConfig

VERSION = 3


def write_checkpoint(path: Path, configs: Sequence[TrainConfig], state: dict[str, Any]) -> None:
    """Write a checkpoint; a kill at any moment leaves the one before or this one, whole.

    Args:
        path: The file; its folder is made.
        configs: Of the SAEs in training.
        state: Everything the training goes on from.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_atomically(path) as temporary:
        torch.save({"version": VERSION, "configs": [_plain(config) for config in configs], **state}, temporary)


def read_checkpoint(path: Path, configs: Sequence[TrainConfig]) -> dict[str, Any]:
    """Read a checkpoint.

    Args:
        path: The file; its pickle may hold tensors and plain data only.
        configs: Of the SAEs whose training is to go on.

    Returns:
        The state.

    Raises:
        SAEError: It is no checkpoint, or one of a training with another config.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        version, saved = state.pop("version"), state.pop("configs", None)
    except pickle.UnpicklingError as error:
        why = describe_refusal(error)
        raise SAEError(f"{path} is not a checkpoint of a training: it {why}. Remove it to start anew") from error
    except (OSError, RuntimeError, EOFError, KeyError, AttributeError, TypeError) as error:
        raise SAEError(f"{path} is not a checkpoint of a training ({error}): remove it to start anew") from error
    if version != VERSION:
        raise SAEError(f"{path} is a checkpoint of version {version}, this program reads version {VERSION}")
    if len(saved) != len(configs):
        raise SAEError(f"{path} is of a training of {len(saved)} SAEs, these are {len(configs)}")
    for before, config in zip(saved, configs, strict=True):
        for name, value in _plain(config).items():
            if before.get(name) != value:
                raise SAEError(
                    f"{path} is of a training with {name}={before.get(name)!r}, this one has {name}={value!r}: "
                    "give the same config, or remove the checkpoint to start anew"
                )
    return dict(state)


def _plain(config: TrainConfig) -> dict[str, Any]:
    return dict(json.loads(json.dumps(asdict(config))))
