"""What a file format of SAEs has to offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sae._model import SAE


@dataclass(frozen=True)
class Format:
    """One way in which SAEs lie on disk."""

    name: str
    """As people call it; used in messages."""
    detect: Callable[[Path], bool]
    """Whether an existing path looks like this format; cheap, reads no weights."""
    load: Callable[[Path], SAE]
    """Reads it onto the CPU; raises SAEError for anything wrong with it."""
