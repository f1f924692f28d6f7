"""SAEs named ``release:id``, as in SAELens's registry of published SAEs.

The registry, and the readers for the formats of its releases, are SAELens's own: they are part of that package, and
nothing of it is needed for anything else here.
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Any

from sae._errors import SAEError
from sae._model import SAE
from sae.formats import _saelens


def split_release(text: str) -> tuple[str, str] | None:
    """Read ``release:id``.

    Returns:
        The release and the id in it; None when the text has another form.
    """
    release, colon, sae_id = text.partition(":")
    return (release, sae_id) if colon and release and sae_id and "/" not in release else None


def load_release(release: str, sae_id: str) -> SAE:
    """Load an SAE of SAELens's registry.

    Args:
        release: For instance ``gpt2-small-res-jb``.
        sae_id: For instance ``blocks.6.hook_resid_pre``.

    Returns:
        The SAE, on the CPU.

    Raises:
        SAEError: SAELens is not installed, does not know the name, or can't fetch it; or the SAE can't be computed
            here.
    """
    name = f"{release}:{sae_id}"
    lens = _sae_lens(name)
    with tempfile.TemporaryDirectory(prefix="sae-") as folder:
        try:
            lens.SAE.from_pretrained(release, sae_id, device="cpu").save_model(folder)
        except Exception as error:  # its own errors, the hub's and the network's have no common type
            message = (str(error).strip().splitlines() or [""])[0]
            raise SAEError(f"{name}: SAELens can't load it ({type(error).__name__}: {message[:300]})") from error
        try:
            return _saelens.load(Path(folder))
        except SAEError as error:
            raise SAEError(f"{name}: {error}") from error


def _sae_lens(name: str) -> Any:
    try:
        return importlib.import_module("sae_lens")
    except Exception as error:  # a copy that does not go with the installed transformer_lens fails in other ways
        raise SAEError(
            f"{name} is a name in SAELens's registry, which comes with the package sae_lens, and that can't be "
            f"imported ({type(error).__name__}: {error}). Name the repository itself instead: org/repo/path/of/the/sae"
        ) from error
