"""The files of a training, of one SAE or of a stack."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from autointerp.errors import UsageError
from sae.stack import STACK_FILE

EVALUATION_FILE = "evaluation.json"


@dataclass(frozen=True)
class TrainingFolder:
    """Where they are."""

    path: Path
    is_stack: bool = False
    """Whether a stack is trained here."""

    @property
    def finished(self) -> Path:
        """The file that is written last."""
        return self.path / (STACK_FILE if self.is_stack else "cfg.json")

    @property
    def evaluation(self) -> Path:
        """What was measured on the finished SAE."""
        return self.path / EVALUATION_FILE

    @property
    def windows(self) -> Path:
        """The text."""
        return self.path / "windows"

    @property
    def unfinished(self) -> Path:
        """A folder that is there as long as something is to be done."""
        return self.path / "unfinished"

    @property
    def inputs(self) -> Path:
        """What the training was begun with."""
        return self.unfinished / "inputs.json"

    @property
    def checkpoint(self) -> Path:
        """Where a training of one SAE stands."""
        return self.unfinished / "checkpoint.pt"

    def is_done(self, *, evaluated: bool) -> bool:
        """Whether nothing is left to do, with an evaluation where one is wanted."""
        is_evaluated = self.evaluation.exists() or not evaluated
        return self.finished.exists() and is_evaluated and not self.unfinished.exists()

    def stage_checkpoint(self, number: int) -> Path:
        """Where the training of a stage stands."""
        return self.unfinished / f"checkpoint_{number}.pt"

    def claim(self, *, resume: bool) -> None:
        """Refuse a folder that holds something else, or something that only ``resume`` may touch.

        Raises:
            UsageError: It does.
        """
        one, stack = TrainingFolder(self.path).finished, TrainingFolder(self.path, is_stack=True).finished
        other = one if self.is_stack else stack
        if other.exists():
            raise UsageError(f"{other}: another kind of SAE is already there. Choose another --out, or remove it.")
        if resume:
            return
        if self.finished.exists():
            raise UsageError(
                f"{self.path}: an SAE is already there. Choose another --out, remove it, or give --resume if its "
                "training is to be finished."
            )
        if any(self.unfinished.glob("checkpoint*.pt")) or any(self.path.glob("stage_*/cfg.json")):
            raise UsageError(
                f"{self.path}: a training that was stopped is there. Give --resume to go on with it, choose another "
                "--out, or remove it."
            )


def remove_unfinished(unfinished: Path, *folders: Path) -> None:
    """Remove what a training that is done needs no longer, and what one that was killed left half-written.

    Args:
        unfinished: Its checkpoint and notes.
        folders: Its results.
    """
    shutil.rmtree(unfinished, ignore_errors=True)
    for folder in folders:
        for left in folder.glob(".*.tmp"):
            left.unlink()
