"""Finding the format of a path, and the path of a name."""

from __future__ import annotations

from pathlib import Path

from sae._errors import SAEError
from sae._model import SAE
from sae.formats._dictionary_learning import DICTIONARY_LEARNING
from sae.formats._format import Format
from sae.formats._hub import download, parse_hub_path
from sae.formats._openai import OPENAI
from sae.formats._release import load_release, split_release
from sae.formats._saelens import SAELENS
from sae.formats._seed_pth import SEED_PTH
from sae.formats._sparsify import SPARSIFY

FORMATS: tuple[Format, ...] = (SPARSIFY, DICTIONARY_LEARNING, SAELENS, SEED_PTH, OPENAI)
"""All formats that can be read; the first that detects a path reads it (sparsify's folder holds a ``cfg.json`` too)."""


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
        path: A folder or file in one of ``FORMATS``; or, as a string and when nothing here has its first part as its
            name, a name: ``release:id`` in SAELens's registry, or ``org/repo`` or ``org/repo/sub/folder`` on the
            Hugging Face hub.
        device: Where its weights go.

    Returns:
        The model; it takes raw activations.

    Raises:
        SAEError: Nothing is there, the format is unknown, the files are broken, or there is no such device; the message
            says which and why.
    """
    if isinstance(path, str) and not any(Path(part).exists() for part in Path(path).parts[:1]):
        named = _load_by_name(path)
        if named is not None:
            return _on(device, named)
    path = Path(path)
    return _on(device, detect(path).load(path))


def _on(device: str, model: SAE) -> SAE:
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SAEError(f"device {device!r} does not work here ({reason}). Use 'cpu'.") from error


def _load_by_name(name: str) -> SAE | None:
    """Load what is not on this disk; None when the text can only be a path."""
    place, release = parse_hub_path(name), split_release(name)
    if place is None and release is None:
        return None
    try:
        if release is not None:
            return load_release(*release)
        assert place is not None
        path = download(place)
    except SAEError as error:
        raise SAEError(f"there is no SAE at {name}: no such file or folder, and as a name: {error}") from error
    return detect(path).load(path)
