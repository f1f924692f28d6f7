"""The ``.pth`` files of the study this project starts from (Iyer, "Sparse Autoencoders for Monosemanticity").

A plain state dict: W_enc [d_in, d_sae], b_enc, W_dec [d_sae, d_in] (missing when tied to the encoder), b_dec.
The file records nothing else; the study's own files are known by their names:
``model_weights_{expansion}x_{l1}[_sampling].pth``.
"""

from __future__ import annotations

import re
from pathlib import Path

from sae._config import SAEConfig, SAEMetadata
from sae._model import SAE
from sae.architectures import build
from sae.formats._format import Format
from sae.formats._read import check_tensors, dtype_name, naming, read_torch

_STUDY_NAME = re.compile(r"model_weights_(?P<expansion>\d+)x_(?P<l1>[0-9.e-]+?)(?P<resampled>_sampling)?\.pth")
_STUDY_D_IN = 768


def load(path: Path) -> SAE:
    """Read a state dict saved by ``torch.save``; nothing in the file is ever executed.

    Args:
        path: The ``.pth`` file.

    Returns:
        The SAE, on the CPU; a tied one when the file holds no decoder.

    Raises:
        SAEError: Not a state dict of such an SAE, broken, or a pickle with anything but tensors in it.
    """
    state = read_torch(path)
    with naming(path):
        check_tensors(state, ("W_enc", "b_enc", "b_dec"), ("W_dec",))
        d_in = state["b_dec"].numel()
        cfg = SAEConfig(
            architecture="standard" if "W_dec" in state else "tied",
            d_in=d_in,
            d_sae=state["b_enc"].numel(),
            dtype=dtype_name(state["W_enc"]),
            metadata=_metadata(path, d_in),
        )
        return build(cfg, state)


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
