"""Finding the format of a path."""

from __future__ import annotations

from pathlib import Path

from sae._errors import SAEError
from sae._model import SAE
from sae.formats._format import Format
from sae.formats._saelens import SAELENS
from sae.formats._seed_pth import SEED_PTH

FORMATS: tuple[Format, ...] = (SAELENS, SEED_PTH)
"""All formats that can be read; the first that detects a path reads it."""


def detect(path: Path) -> Format:
    """Find the format of a path.

    Args:
        path: A file or a folder.

    Returns:
        The first format that recognises it.

    Raises:
        SAEError: The path does not exist, or no format recognises it.
    """
    if not path.exists():
        raise SAEError(f"there is no SAE at {path}: no such file or folder")
    for known in FORMATS:
        if known.detect(path):
            return known
    raise SAEError(f"{path} is no SAE in a known format; known: {'; '.join(known.name for known in FORMATS)}")


def load(path: str | Path, *, device: str = "cpu") -> SAE:
    """Load an SAE in any known format.

    Args:
        path: A SAELens folder, or the seed study's ``.pth`` file.
        device: Where its weights go.

    Returns:
        The model; it takes raw activations.

    Raises:
        SAEError: Nothing is there, the format is unknown, or the files are broken; the message says which and why.
    """
    path = Path(path)
    return detect(path).load(path).to(device)
