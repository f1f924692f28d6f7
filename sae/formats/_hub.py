"""SAEs on the Hugging Face hub, named ``org/repo`` or ``org/repo/sub/folder`` (or ``.../file.pt``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sae._errors import SAEError
from sae.formats import _dictionary_learning, _saelens, _sparsify, _stack

_WEIGHTS = (_saelens.WEIGHTS_FILE, _dictionary_learning.WEIGHTS_FILE, _sparsify.WEIGHTS_FILE)
_STAGE_FILES = (_saelens.WEIGHTS_FILE, _saelens.CONFIG_FILE)
_FILES = (*_WEIGHTS, _saelens.CONFIG_FILE, _saelens.SCALER_FILE, _dictionary_learning.CONFIG_FILE)
_ID = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(?:/(?P<inside>\w[\w.=+-]*(?:/\w[\w.=+-]*)*))?/?", re.ASCII)
_SHOWN = 5


@dataclass(frozen=True)
class HubPath:
    """A folder or file in a repository of the hub."""

    repo: str
    """``org/repo``."""
    inside: str
    """The folder or file in it; empty for its root."""


def parse_hub_path(text: str) -> HubPath | None:
    """Read ``org/repo[/sub/folder]``.

    Returns:
        None when the text has another form (absolute paths, ``./`` and ``../`` among them).
    """
    match = _ID.fullmatch(text)
    return HubPath(match["repo"], match["inside"] or "") if match else None


def download(place: HubPath) -> Path:
    """Fetch the files of one SAE into the hub's cache.

    Args:
        place: Where it lies.

    Returns:
        The local folder or file.

    Raises:
        SAEError: The hub can't be reached, there is no such repository, or no SAE at that place.
    """
    import huggingface_hub

    inside = PurePosixPath(place.inside)
    if inside.suffix in {".pt", ".pth"}:
        wanted = [str(inside)]
    else:
        wanted = [str(inside / name) for name in _FILES]
        wanted += [str(parent / _sparsify.RUN_CONFIG_FILE) for parent in list(inside.parents)[:2]]
        wanted += [str(inside / _stack.STACK_FILE), *(str(inside / "stage_*" / name) for name in _STAGE_FILES)]
    try:
        root = Path(huggingface_hub.snapshot_download(place.repo, allow_patterns=wanted))
    except Exception as error:  # the library's own, the client's and the network's errors have no common type
        raise SAEError(
            f"the repository {place.repo} can't be fetched from the hub ({type(error).__name__}: {_first(error)})"
        ) from error
    local = root / inside
    if local.is_file() or any((local / name).is_file() for name in (*_WEIGHTS, _stack.STACK_FILE)):
        return local
    raise SAEError(f"the repository {place.repo} holds no SAE at {place.inside or 'its root'}{_others(place.repo)}")


def _others(repo: str) -> str:
    """Where in the repository SAEs do lie, for the message."""
    import huggingface_hub

    try:
        files = [PurePosixPath(name) for name in huggingface_hub.list_repo_files(repo)]
    except Exception:  # only a hint is lost
        return ""
    folders = sorted({str(file.parent) for file in files if file.name in _WEIGHTS})
    if not folders:
        return ", nor elsewhere in a format known here"
    return f"; there are {len(folders)}, e.g. {', '.join(f'{repo}/{folder}' for folder in folders[:_SHOWN])}"


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:300]
