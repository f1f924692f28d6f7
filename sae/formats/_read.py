"""Reading files that may be broken, cut short or hostile: JSON, safetensors and torch files.

Nothing in a file is ever executed, and nothing is allocated on a file's word alone.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import warnings
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import BaseModel, ValidationError
from safetensors.torch import load_file
from torch import Tensor

from sae._config import DTYPES
from sae._errors import SAEError
from sae._unpickling import describe_refusal

Content = TypeVar("Content", bound=BaseModel)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the path before the message of any SAEError raised inside."""
    try:
        yield
    except SAEError as error:
        raise SAEError(f"{path}: {error}") from error


def read_json(path: Path, kind: type[Content]) -> Content:
    """Read a JSON object into a pydantic model.

    Args:
        path: The file.
        kind: What it must hold.

    Returns:
        The model. NaN and infinities, which are no JSON, arrive as the strings ``NaN``, ``Infinity``, ``-Infinity``.

    Raises:
        SAEError: The file is missing, not JSON, or holds something else.
    """
    _check_regular(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=str)
        return kind.model_validate(content)
    except FileNotFoundError as error:
        raise SAEError(f"{path} is missing") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise SAEError(f"{path}: {problems.removeprefix(': ')}") from error
    except (OSError, ValueError, RecursionError) as error:  # both decoders raise ValueErrors
        raise SAEError(f"{path} can't be read as JSON: {error}") from error


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Args:
        path: The file.

    Returns:
        Its tensors, on the CPU.

    Raises:
        SAEError: The file is missing or broken.
    """
    _check_regular(path)
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except FileNotFoundError as error:
        raise SAEError(f"{path} is missing") from error
    except Exception as error:  # its own error, the system's, or that of a dtype torch does not have
        raise SAEError(f"{path} can't be read as safetensors: {error}") from error
    return tensors


def read_torch(path: Path) -> dict[str, Any]:
    """Read a dictionary written by ``torch.save``: tensors and plain values, never code.

    Args:
        path: The file.

    Returns:
        Its content, tensors on the CPU. What ``torch.compile`` and data-parallel wrappers put before all names is left
        out.

    Raises:
        SAEError: The file is missing or broken, is no dictionary, or its pickle asks for anything but tensors.
    """
    _check_regular(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks about foreign pickles, which are refused anyway
            _check_archive(path)
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise SAEError(f"{path} is missing") from error
    except pickle.UnpicklingError as error:
        raise SAEError(f"{path} {describe_refusal(error)}: it must be a saved state dict") from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise SAEError(f"{path} can't be read as a torch file: {error}") from error
    if not isinstance(content, dict):
        raise SAEError(f"{path}: expected a state dict of tensors, found {type(content).__name__}")
    for name, value in content.items():
        if isinstance(value, Tensor) and not _is_held(value):
            raise SAEError(f"{path}: tensor {name} claims more numbers than the file holds")
    return _unwrapped(content)


def check_tensors(found: Mapping[str, Any], required: Collection[str], optional: Collection[str] = ()) -> None:
    """Refuse a state dict that lacks a tensor, or holds one whose meaning would be lost.

    Args:
        found: The state dict.
        required: Tensors that must be there.
        optional: Tensors that may be there.

    Raises:
        SAEError: Something is missing, unknown, or no tensor.
    """
    plain = sorted(str(name) for name, value in found.items() if not isinstance(value, Tensor))
    if plain:
        raise SAEError(f"expected a state dict of tensors, found something else under {', '.join(plain)}")
    missing = sorted(set(required) - found.keys())
    unknown = sorted(map(str, found.keys() - {*required, *optional}))
    if missing or unknown:
        raise SAEError(f"expected tensors {', '.join(required)}; missing {missing}, unknown {unknown}")


def dtype_name(tensor: Tensor) -> str:
    """The name of a tensor's dtype as a config has it; a dtype that SAEs don't have keeps torch's name."""
    return next((name for name, dtype in DTYPES.items() if dtype == tensor.dtype), str(tensor.dtype))


def whole_number(name: str, tensor: Tensor) -> int:
    """Read a count kept as a tensor.

    Args:
        name: For the message.
        tensor: One integer.

    Raises:
        SAEError: It is something else.
    """
    if tensor.numel() != 1 or tensor.is_floating_point() or tensor.is_complex():
        raise SAEError(f"{name} must be one integer, found {tensor.dtype} of shape {tuple(tensor.shape)}")
    return int(tensor.item())


def _check_regular(path: Path) -> None:
    """Refuse what is there but no file: reading a pipe or a device might never end.

    Raises:
        SAEError: It is such a thing.
    """
    if path.exists() and not path.is_file():
        raise SAEError(f"{path} is not a regular file")


def _unwrapped(state: dict[str, Any]) -> dict[str, Any]:
    for wrapper in ("_orig_mod.", "module."):
        if state and all(isinstance(name, str) and name.startswith(wrapper) for name in state):
            return _unwrapped({name.removeprefix(wrapper): value for name, value in state.items()})
    return state


def _check_archive(path: Path) -> None:
    """Torch packs without compression: an archive larger than its file is none of its own, and may be a bomb."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
            raise ValueError("its archive unpacks to more bytes than the file has")


def _is_held(tensor: Tensor) -> bool:
    """Whether the numbers are really there: a stride of 0, or a tensor without data, can claim any size."""
    if tensor.is_nested or tensor.layout != torch.strided or tensor.device.type != "cpu":
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()
