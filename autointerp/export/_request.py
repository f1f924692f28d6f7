"""What an export may need besides the run's own tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autointerp.run import Progress, Silence

if TYPE_CHECKING:
    import sae
    from autointerp.corpus import Windows
    from autointerp.subject import Subject


@dataclass(frozen=True)
class Parts:
    """A run's inputs, opened."""

    model: sae.SAE
    """The SAE under study."""
    subject: Subject
    """The language model, at the SAE's hook point."""
    windows: Windows
    """The text."""


@dataclass(frozen=True)
class Request:
    """How an export is asked for."""

    raw: bool = False
    """Leave text cells as they are, where the format makes them safe."""
    parts: Callable[[], Parts] | None = None
    """Opens the run's inputs, which takes seconds; None where the caller has none."""
    progress: Progress = field(default_factory=Silence)
    """Listener."""
