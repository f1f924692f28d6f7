"""What a training in a folder was started with, so that it is only ever gone on with the same."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autointerp.errors import MismatchError, UsageError
from autointerp.run import write_text
from autointerp.train._config import TrainingConfig
from autointerp.train._stack_config import StackConfig

FREE = {"checkpoint_every", "wandb_project"}
"""Fields that change no number, and may differ when a training is resumed."""


class TrainingInputs(BaseModel):
    """A small file that is there as long as the training is not finished."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    config: dict[str, Any]
    model_fingerprint: str
    log_id: str = Field(default_factory=lambda: secrets.token_hex(4))
    """Names the training where its metrics are sent to, also after it was stopped."""

    @classmethod
    def of(cls, config: TrainingConfig | StackConfig, model_fingerprint: str) -> TrainingInputs:
        """Describe a training that is about to start."""
        return cls(config=config.model_dump(mode="json"), model_fingerprint=model_fingerprint)

    @classmethod
    def read(cls, path: Path) -> TrainingInputs:
        """Read the file.

        Raises:
            UsageError: It is broken.
        """
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"{path}: can't be read ({reason}). Remove the folder, and train again.") from error

    def write(self, path: Path) -> None:
        """Write the file."""
        write_text(path, self.model_dump_json(indent=2) + "\n")

    def check(self, config: TrainingConfig | StackConfig, model_fingerprint: str, *, where: Path) -> None:
        """Refuse to go on with anything else.

        Raises:
            MismatchError: The config or the model differs; names both values.
        """
        stages = self.config.get("stages")
        if isinstance(config, StackConfig) != (stages is not None):
            kinds = ("one SAE", "a stack") if stages is None else ("a stack", "one SAE")
            hint = "Resume with the config it was started with, or train in another folder."
            raise MismatchError(f"{where}: this training", expected=kinds[0], found=kinds[1], hint=hint)
        if isinstance(config, StackConfig):
            check_same_stages(stages or [], config, where=where)
        else:
            check_same_config(self.config, config, where=where)
        if self.model_fingerprint != model_fingerprint:
            raise MismatchError(
                f"{where}: fingerprint of the model",
                expected=self.model_fingerprint,
                found=model_fingerprint,
                hint="The model changed since: train in another folder.",
            )


def check_same_config(recorded: Mapping[str, Any], config: TrainingConfig, *, where: Path) -> None:
    """Refuse to go on with another config.

    Args:
        recorded: The config that the training was started with; fields it lacks had their defaults.
        config: The one given now.
        where: The SAE's folder.

    Raises:
        MismatchError: A field that can change a number differs; names it and both values.
    """
    now = config.model_dump(mode="json")
    defaults = TrainingConfig(hook_point=config.hook_point).model_dump(mode="json")
    for name, value in now.items():
        before = recorded.get(name, defaults.get(name))
        if before != value and name not in FREE:
            hint = "Resume with the config it was started with, or train in another folder."
            raise MismatchError(f"{where}: {name} of this training", expected=before, found=value, hint=hint)


def check_same_stages(recorded: Sequence[Mapping[str, Any]], config: StackConfig, *, where: Path) -> None:
    """Refuse to go on with other stages; there may be more of them.

    Args:
        recorded: The configs that the stages so far were started with.
        config: The one given now.
        where: The stack's folder.

    Raises:
        MismatchError: There are fewer stages now, or a field differs; names the stage, the field and both values.
    """
    check_number_of_stages(len(recorded), config, where=where)
    for number, (before, stage) in enumerate(zip(recorded, config.stages, strict=False), start=1):
        check_same_config(before, stage, where=where / f"stage_{number}")


def check_number_of_stages(n: int, config: StackConfig, *, where: Path) -> None:
    """Refuse to go on with fewer stages than there are.

    Raises:
        MismatchError: There are ``n``, and the config has fewer.
    """
    if n > len(config.stages):
        raise MismatchError(
            f"{where}: the number of stages of this training",
            expected=n,
            found=len(config.stages),
            hint="Stages may be added, not taken away: train in another folder.",
        )
