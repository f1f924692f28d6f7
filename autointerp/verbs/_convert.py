"""``convert``: an SAE in any known format, as a SAELens folder."""

from __future__ import annotations

from pathlib import Path

import sae
from autointerp.errors import UsageError
from sae.stack import StackedSAE, concatenate


def convert(source: str | Path, out: str | Path) -> sae.SAE:
    """Read an SAE in any known format and write it as SAELens does.

    Args:
        source: A folder of SAELens, dictionary_learning or sparsify, OpenAI's ``.pt`` or the study's ``.pth`` file, a
            stack's folder; or a name: ``release:id`` in SAELens's registry, ``org/repo`` or ``org/repo/sub/folder`` on
            the hub.
        out: A folder that is not there yet, or is empty.

    Returns:
        The SAE, read back from ``out``.

    Raises:
        UsageError: ``out`` holds something already; or the source is a stack that is no single SAE.
        SAEError: The source is not there, broken, or can't be computed here.
    """
    folder = Path(out)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise UsageError(f"{folder}: something is already there. Choose another folder, or remove it.")
    model = sae.load(source)
    if isinstance(model, StackedSAE):
        model = _as_one(model, source)
    sae.save(model, folder)
    return sae.load(folder)


def _as_one(stack: StackedSAE, source: str | Path) -> sae.SAE:
    try:
        return concatenate(stack)
    except sae.SAEError as error:
        raise UsageError(
            f"{source}: {error}. The other verbs take the stack as it is: give its folder to --sae. To hand it on, "
            "copy the folder whole."
        ) from error
