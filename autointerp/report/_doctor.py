"""The doctor: what is installed, and what will stop a run before it starts."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

Status = Literal["ok", "warn", "bad"]
_MIN_FREE_BYTES = 2 * 1024**3
_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at."""

    name: str
    status: Status
    detail: str
    """What was found."""
    hint: str = ""
    """What to do about it; empty when nothing."""


def diagnose(folder: Path | None = None) -> list[Finding]:
    """Look at everything a run needs; nothing is changed, and no key is ever shown.

    Args:
        folder: Where runs will be written (default: the current folder).
    """
    where = folder or Path.cwd()
    return [
        _python(),
        *_packages(),
        _devices(),
        _bundled_model(),
        *(_key(name) for name in _KEYS),
        _hub_cache(),
        _disk(where),
        _writable(where),
        _wait_policy(),
    ]


def exit_code(findings: Sequence[Finding]) -> int:
    """0 when a run can start, else 2: something must be put right first. Warnings don't count."""
    return 2 if any(finding.status == "bad" for finding in findings) else 0


def _python() -> Finding:
    return Finding("Python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _packages() -> Iterator[Finding]:
    """One finding a declared dependency, transformer_lens's supported range among them."""
    from packaging.requirements import Requirement

    try:
        declared = metadata.requires("autointerp") or []
    except metadata.PackageNotFoundError:
        yield Finding("autointerp", "bad", "not installed", "Install it: pip install -e . (or make demo).")
        return
    yield Finding("autointerp", "ok", metadata.version("autointerp"))
    for requirement in map(Requirement, declared):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        yield _package(requirement.name, str(requirement.specifier), requirement.specifier.contains)


def _package(name: str, wanted: str, accepts: Callable[..., bool]) -> Finding:
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, "bad", f"missing ({wanted} is needed)", f"pip install '{name}{wanted}'")
    if accepts(found, prereleases=True):
        return Finding(name, "ok", f"{found} ({wanted})")
    return Finding(name, "bad", f"{found}, supported is {wanted}", f"pip install '{name}{wanted}'")


def _devices() -> Finding:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("devices", "bad", f"torch can't be imported ({error})", "Install torch again.")
    found = [f"cpu ({torch.get_num_threads()} threads)"]
    found += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return Finding("devices", "ok", ", ".join(found))


def _bundled_model() -> Finding:
    from autointerp.subject import bundled_path

    folder = bundled_path()
    missing = [name for name in ("config.json", "model.safetensors", "tokenizer.json") if not (folder / name).is_file()]
    if missing:
        return Finding("bundled model", "bad", f"{folder} lacks {', '.join(missing)}", "Install autointerp again.")
    return Finding("bundled model", "ok", str(folder))


def _key(name: str) -> Finding:
    if os.environ.get(name, "").strip():
        return Finding(name, "ok", "set")
    return Finding(name, "ok", "not set (the labeler 'rules' needs none)")


def _hub_cache() -> Finding:
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    models = sorted(
        path.name.removeprefix("models--").replace("--", "/")
        for path in folder.glob("models--*")
        if any(path.glob("snapshots/*/*"))
    )
    return Finding("Hugging Face cache", "ok", f"{folder}: {', '.join(models) or 'no models'}")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1024**3:.1f} GiB free at {folder}"
    if free < _MIN_FREE_BYTES:
        return Finding("disk", "warn", detail, "A run of a million tokens wants about 2 GiB.")
    return Finding("disk", "ok", detail)


def _writable(folder: Path) -> Finding:
    if os.access(folder, os.W_OK | os.X_OK):
        return Finding("current folder", "ok", f"{folder} is writable")
    return Finding("current folder", "bad", f"{folder} is not writable", "Change to a folder of yours, or give --out.")


def _wait_policy() -> Finding:
    policy = os.environ.get("OMP_WAIT_POLICY", "")
    if policy.lower() == "passive":
        return Finding("OMP_WAIT_POLICY", "ok", policy)
    return Finding(
        "OMP_WAIT_POLICY",
        "warn",
        policy or "not set",
        "export OMP_WAIT_POLICY=passive: on a busy machine torch is several times faster.",
    )
