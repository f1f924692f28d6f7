"""``convert``: an SAE in any known format, as a SAELens folder."""

from __future__ import annotations

from pathlib import Path

import sae
from autointerp.errors import UsageError


def convert(source: str | Path, out: str | Path) -> sae.SAE:
    """Read an SAE in any known format and write it as SAELens does.

    Args:
        source: A folder of SAELens, dictionary_learning or sparsify, OpenAI's ``.pt`` or the study's ``.pth`` file;
            or a name: ``release:id`` in SAELens's registry, ``org/repo`` or ``org/repo/sub/folder`` on the hub.
        out: A folder that is not there yet, or is empty.

    Returns:
        The SAE, read back from ``out``.

    Raises:
        UsageError: ``out`` holds something already.
        SAEError: The source is not there, broken, or can't be computed here.
    """
    folder = Path(out)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise UsageError(f"{folder}: something is already there. Choose another folder, or remove it.")
    sae.save(sae.load(source), folder)
    return sae.load(folder)
