"""A stack on disk: one SAELens folder per stage, and ``stack.json`` that says how they belong together.

``stack.json`` is written last, after each stage, and lists only whole ones; what it does not list does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sae._atomic import replace_atomically
from sae._errors import SAEError
from sae._model import SAE
from sae.formats import _stack
from sae.formats._saelens import load, save
from sae.stack._stack import Reads, StackedSAE

STACK_FILE = _stack.STACK_FILE
"""Names the stages; its folder holds them as ``stage_1``, ``stage_2``, ..."""


class StageRecord(BaseModel):
    """One stage in ``stack.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reads: Reads
    """What its encoder takes."""
    fingerprint: str
    """Of the weights in its folder."""
    recipe: dict[str, Any]
    """What it was made from: a training config, or the fingerprint of an SAE that was given; empty when unknown."""


class StackRecord(BaseModel):
    """All of ``stack.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["stacked_sae"] = "stacked_sae"
    """Always the same."""
    version: Literal[1] = 1
    """Of this layout."""
    stages: list[StageRecord] = Field(min_length=1)
    """First to last."""


def save_stack(stack: StackedSAE, path: Path) -> None:
    """Write a stack as a folder; a stack already in it is replaced.

    Args:
        stack: The stack.
        path: The folder, made when missing.

    Raises:
        SAEError: A stage can't be written.
    """
    path.mkdir(parents=True, exist_ok=True)
    (path / STACK_FILE).unlink(missing_ok=True)
    records: list[StageRecord] = []
    for stage, reads in zip(stack.stages, stack.reads, strict=True):
        add_stage(path, records, stage, reads, recipe={})


def load_stack(path: str | Path, *, device: str = "cpu") -> StackedSAE:
    """Read a stack.

    Args:
        path: A folder with ``stack.json``.
        device: Where its weights go.

    Returns:
        The stack.

    Raises:
        SAEError: A file is missing or broken, or a stage's weights are not those that were written with the stack.
    """
    path = Path(path)
    records = read_records(path)
    stages = [load_stage(path, number, record) for number, record in enumerate(records, start=1)]
    return StackedSAE(stages, [record.reads for record in records]).to(device)


def read_records(path: Path) -> list[StageRecord]:
    """Read ``stack.json``.

    Args:
        path: Its folder.

    Returns:
        The stages.

    Raises:
        SAEError: It is missing or broken.
    """
    file = path / STACK_FILE
    if not file.is_file():
        raise SAEError(f"{file} is missing: a stack's folder holds {STACK_FILE} and a folder for each stage")
    try:
        return StackRecord.model_validate_json(file.read_bytes()).stages
    except ValidationError as error:
        raise SAEError(f"{file} is no list of stages: {error}") from error


def load_stage(path: Path, number: int, record: StageRecord) -> SAE:
    """Read one stage.

    Args:
        path: The stack's folder.
        number: From 1.
        record: What ``stack.json`` says about it.

    Returns:
        The SAE, on the CPU.

    Raises:
        SAEError: It is missing, broken, or another one.
    """
    folder = stage_folder(path, number)
    model = load(folder)
    if model.fingerprint() != record.fingerprint:
        raise SAEError(f"{folder} holds other weights than {path / STACK_FILE} says: it was changed after the stack")
    return model


def add_stage(path: Path, records: list[StageRecord], stage: SAE, reads: Reads, *, recipe: dict[str, Any]) -> SAE:
    """Write one more stage, then the list that includes it.

    Args:
        path: The stack's folder, which exists.
        records: The stages so far; the new one is appended.
        stage: The SAE.
        reads: What its encoder takes.
        recipe: What it was made from.

    Returns:
        The SAE as the file has it, on the device of ``stage``.

    Raises:
        SAEError: It can't be written.
    """
    folder = stage_folder(path, len(records) + 1)
    save(stage, folder)
    written = load(folder)
    records.append(StageRecord(reads=reads, fingerprint=written.fingerprint(), recipe=recipe))
    _write_records(path, records)
    return written.to(stage.device)


def load_stages(path: Path, reads: Sequence[Reads]) -> StackedSAE:
    """Read stages that were written one by one and are not listed yet.

    Args:
        path: The folder that has theirs: ``stage_1``, ``stage_2``, ...
        reads: What each one's encoder takes; so many stages are read.

    Returns:
        The stack, on the CPU.

    Raises:
        SAEError: A stage is missing or broken, or does not fit.
    """
    return StackedSAE([load(stage_folder(path, number)) for number in range(1, len(reads) + 1)], reads)


def record_stages(path: Path, stack: StackedSAE, *, recipes: Sequence[dict[str, Any]]) -> None:
    """List stages that were written one by one, which makes their folder a stack's.

    Args:
        path: The folder that has theirs; a list already in it is replaced.
        stack: From ``load_stages``.
        recipes: What each one was made from.
    """
    stages = zip(stack.stages, stack.reads, recipes, strict=True)
    records = [StageRecord(reads=reads, fingerprint=one.fingerprint(), recipe=recipe) for one, reads, recipe in stages]
    _write_records(path, records)


def stage_folder(path: Path, number: int) -> Path:
    """Where a stage lies in a stack's folder, by its number from 1."""
    return path / f"stage_{number}"


def _write_records(path: Path, records: list[StageRecord]) -> None:
    with replace_atomically(path / STACK_FILE) as temporary:
        temporary.write_text(StackRecord(stages=records).model_dump_json(indent=2) + "\n", encoding="utf-8")
