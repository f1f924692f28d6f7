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
from sae.formats._stack import STACK

FORMATS: tuple[Format, ...] = (STACK, SPARSIFY, DICTIONARY_LEARNING, SAELENS, SEED_PTH, OPENAI)
"""All formats that can be read; the first that detects a path reads it (sparsify's folder holds a ``cfg.json`` too)."""
_SHOWN = 5


def detect(path: Path) -> Format:
    """Find the format of a path.

    Args:
        path: A file or a folder.

    Returns:
        The first format that recognises it.

    Raises:
        SAEError: The path does not exist, or no format recognises it.
    """
    if not _exists(path):
        raise SAEError(f"there is no SAE at {path}: no such file or folder")
    found = _format(path)
    if found is not None:
        return found
    inside = _inside(path)
    if inside:
        shown = ", ".join(map(str, inside[:_SHOWN])) + (", ..." if len(inside) > _SHOWN else "")
        raise SAEError(f"{path} is no SAE itself, but {len(inside)} in it look like one: name one of them ({shown})")
    raise SAEError(f"{path} is no SAE in a known format; known: {'; '.join(known.name for known in FORMATS)}")


def _format(path: Path) -> Format | None:
    return next((known for known in FORMATS if known.detect(path)), None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a name too long, a folder that may not be entered
        raise SAEError(f"there is no SAE at {str(path)[:300]}: {error.strerror}") from error


def _inside(path: Path) -> list[Path]:
    """What lies in a folder that others keep several SAEs in: folders, folders in these, and files."""
    children, deeper = list(path.glob("*")), [one for one in path.glob("*/*") if one.is_dir()]
    found = [one for one in (*children, *deeper) if _format(one) is not None]
    return sorted(found, key=lambda one: (one.is_file(), one))


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
        SAEError: Nothing is there, the format is unknown, the files are broken, or the device does not work; the
            message says which and why. Or it is a later stage of a stack, which by itself is no SAE of the activations.
    """
    model = None
    if isinstance(path, str) and not any(_exists(Path(part)) for part in Path(path).parts[:1]):
        model = _load_by_name(path)
    if model is None:
        model = detect(Path(path)).load(Path(path))
    number = model.cfg.metadata.extra.get("stack_stage", 1)
    if number != 1:
        raise SAEError(
            f"{path} is stage {number} of a stack, and reconstructs only what the stages before it leave: load the "
            f"stack by its folder, {Path(path).parent}"
        )
    return _on(model, device)


def _on(model: SAE, device: str) -> SAE:
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:  # an unknown name, or a device that is not there
        why = str(error).partition("\n")[0]
        raise SAEError(f"device {device!r} does not work here ({why}): take 'cpu'") from error


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
