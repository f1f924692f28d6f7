"""The ``.pth`` files of the study this project starts from (Iyer, "Sparse Autoencoders for Monosemanticity").

A plain state dict: W_enc [d_in, d_sae], b_enc, W_dec [d_sae, d_in] (missing when tied to the encoder), b_dec.
The file records nothing else; the study's own files are known by their names:
``model_weights_{expansion}x_{l1}[_sampling].pth``.
"""

from __future__ import annotations

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sae._config import DTYPES, SAEConfig, SAEMetadata
from sae._errors import SAEError
from sae._model import SAE
from sae.formats._format import Format

_STUDY_NAME = re.compile(r"model_weights_(?P<expansion>\d+)x_(?P<l1>[0-9.e-]+?)(?P<resampled>_sampling)?\.pth")
_STUDY_D_IN = 768


def load(path: Path) -> SAE:
    """Read a state dict saved by ``torch.save``; nothing in the file is ever executed.

    Args:
        path: The ``.pth`` file.

    Returns:
        The SAE, on the CPU, its decoder as stored (or the transposed encoder when tied).

    Raises:
        SAEError: Not a state dict of such an SAE, broken, or a pickle with anything but tensors in it.
    """
    state = _read(path)
    missing = sorted({"W_enc", "b_enc", "b_dec"} - state.keys())
    unknown = sorted(state.keys() - {"W_enc", "b_enc", "W_dec", "b_dec"})
    if missing or unknown:
        raise SAEError(f"{path}: expected tensors W_enc, b_enc, W_dec, b_dec; missing {missing}, unknown {unknown}")
    names = {dtype: name for name, dtype in DTYPES.items()}
    W_enc = state["W_enc"]
    tied = W_enc.T if W_enc.ndim == 2 else W_enc  # another number of dimensions is refused below, by its shape
    try:
        cfg = SAEConfig(
            architecture="standard",
            d_in=state["b_dec"].numel(),
            d_sae=state["b_enc"].numel(),
            dtype=names.get(W_enc.dtype, str(W_enc.dtype)),
            metadata=_metadata(path, state["b_dec"].numel()),
        )
        return SAE(cfg, W_enc=W_enc, b_enc=state["b_enc"], W_dec=state.get("W_dec", tied), b_dec=state["b_dec"])
    except SAEError as error:
        raise SAEError(f"{path}: {error}") from error


def _read(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks about foreign pickles, which are refused anyway
            state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise SAEError(f"{path} holds more than tensors (or is no torch file), and was not opened: {error}") from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise SAEError(f"{path} can't be read as a torch file: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise SAEError(f"{path}: expected a state dict of tensors, found {type(state).__name__}")
    return state


def _metadata(path: Path, d_in: int) -> SAEMetadata:
    """Say where the study's own files come from; of any other file nothing is known."""
    match = _STUDY_NAME.fullmatch(path.name)
    if match is None or d_in != _STUDY_D_IN:
        return SAEMetadata()
    return SAEMetadata(
        model_name="gpt2",
        hook_name="blocks.6.hook_resid_pre",
        context_size=1024,
        prepend_bos=False,
        dataset_path="Skylion007/openwebtext",
        weight_processing="raw",
        extra={
            "l1_coefficient": float(match["l1"]),
            "l1_reduction": "code",
            "resampled": match["resampled"] is not None,
        },
    )


def _detect(path: Path) -> bool:
    return path.is_file() and path.suffix == ".pth"


SEED_PTH = Format(name="state dict (.pth with W_enc, b_enc, W_dec, b_dec)", detect=_detect, load=load)
"""The seed study's weights."""
