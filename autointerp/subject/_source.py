"""Where a model's files are: in the package, in a folder, or in the Hugging Face cache."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from autointerp.errors import UsageError
from autointerp.subject._quiet import quiet

_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_SMALL_FILES = ("*.json", "*.txt", "*.model", "*.jinja")


@dataclass(frozen=True)
class ModelSource:
    """One model's files."""

    name: str
    """As the user asked for it."""
    folder: Path
    """A folder in Hugging Face's layout."""
    revision: str | None
    """Commit hash on the hub; None for folders."""

    def fingerprint(self) -> str:
        """Identity of the weights: the hub's commit, or a SHA-256 over ``config.json`` and the weight files."""
        if self.revision is not None:
            return f"{self.name}@{self.revision}"
        total = hashlib.sha256()
        for file in (self.folder / "config.json", *_weight_files(self.folder)):
            with file.open("rb") as opened:
                total.update(f"{file.name}\0".encode() + hashlib.file_digest(opened, "sha256").digest())
        return f"sha256:{total.hexdigest()}"


def bundled_path() -> Path:
    """Folder of the small language model that comes with the package."""
    return Path(__file__).parent / "bundled"


def find_model(name: str, *, fetch: bool = True) -> ModelSource:
    """Find a model's files, by default fetching them when they are not on this machine.

    Args:
        name: ``bundled``, a local folder, or a name on the Hugging Face hub (transformer_lens's short names work too).
        fetch: Whether the hub may be asked.

    Raises:
        UsageError: There is no such folder or name, or the files are not complete.
    """
    if name == "bundled":
        return _local(name, bundled_path())
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _local(name, folder)
    if folder.exists() or not _HUB_NAME.fullmatch(name) or name.startswith("."):
        raise UsageError(f"{name}: no such folder. Give 'bundled', a Hugging Face model folder, or a name on the hub.")
    return _from_hub(name, fetch=fetch)


def _local(name: str, folder: Path) -> ModelSource:
    missing = _missing_file(folder)
    if missing:
        raise UsageError(
            f"{folder}: not a Hugging Face model folder: {missing} is missing. Save one with save_pretrained()."
        )
    return ModelSource(name, folder, None)


def _from_hub(name: str, *, fetch: bool) -> ModelSource:
    """The cached snapshot if it is whole, else a download; nothing is asked of the network in the first case."""
    with quiet():
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
        from transformer_lens.supported_models import MODEL_ALIASES

        official = next((full for full, short in MODEL_ALIASES.items() if name in short), name)
        try:
            folder = Path(snapshot_download(official, local_files_only=True))
            if _missing_file(folder) is None:
                return ModelSource(name, folder, folder.name)
        except LocalEntryNotFoundError:
            pass
        if not fetch:
            raise UsageError(f"{name}: not whole in the local Hugging Face cache, and nothing is fetched here.")
        try:
            folder = Path(snapshot_download(official, allow_patterns=[*_SMALL_FILES, "model*.safetensors"]))
            if _missing_file(folder) is not None:
                folder = Path(snapshot_download(official, allow_patterns=[*_SMALL_FILES, "pytorch_model*.bin"]))
        except Exception as error:  # every client library of the hub has its own network errors
            raise UsageError(
                f"{name}: neither a folder here nor in the local Hugging Face cache, and the hub did not give it "
                f"({first_line(error)}). Check the name and the network (and that HF_HUB_OFFLINE is not set), "
                "log in with 'hf auth login' if the model is gated, or give a local folder."
            ) from error
    missing = _missing_file(folder)
    if missing:
        raise UsageError(f"{name}: the hub has no {missing} for it. Give a model in Hugging Face's format.")
    return ModelSource(name, folder, folder.name)


def first_line(error: Exception) -> str:
    """An exception in one short line, for messages."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].strip()[:300]}" if lines else type(error).__name__


def _weight_files(folder: Path) -> list[Path]:
    """Safetensors if there are any, else PyTorch's, in the order of their names."""
    return sorted(folder.glob("model*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))


def _missing_file(folder: Path) -> str | None:
    """Name of the first file without which the folder is no model."""
    if not (folder / "config.json").is_file():
        return "config.json"
    weights = _weight_files(folder)
    if not weights:
        return "model.safetensors"
    stem = "model.safetensors" if weights[0].suffix == ".safetensors" else "pytorch_model.bin"
    index = folder / f"{stem}.index.json"
    if not index.is_file():
        return None
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError, TypeError):
        return f"a readable {index.name}"
    return next((shard for shard in sorted(shards) if not (folder / shard).is_file()), None)
