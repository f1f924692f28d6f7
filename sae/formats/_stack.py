"""A stack's folder: ``stack.json``, and the stages' own folders beside it (see ``sae.stack``)."""

from __future__ import annotations

from pathlib import Path

from sae._model import SAE
from sae.formats._format import Format

STACK_FILE = "stack.json"
"""Names the stages; its folder holds them as ``stage_1``, ``stage_2``, ..."""


def _load(path: Path) -> SAE:
    from sae.stack import load_stack  # which writes its stages with this package

    return load_stack(path)


def _detect(path: Path) -> bool:
    return (path / STACK_FILE).is_file()


STACK = Format(name=f"stack ({STACK_FILE}, stage_1, stage_2, ...)", detect=_detect, load=_load)
"""SAEs in a row, as ``sae.stack.save_stack`` and ``autointerp train`` write them."""
