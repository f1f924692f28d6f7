"""What a training in a folder was started with, so that it is only ever gone on with the same."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autointerp.errors import MismatchError, UsageError
from autointerp.run import write_text
from autointerp.train._config import TrainingConfig

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
    def of(cls, config: TrainingConfig, model_fingerprint: str) -> TrainingInputs:
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

    def check(self, config: TrainingConfig, model_fingerprint: str, *, where: Path) -> None:
        """Refuse to go on with anything else.

        Raises:
            MismatchError: The config or the model differs; names both values.
        """
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
        before = recorded.get(name, defaults[name])
        if before != value and name not in FREE:
            hint = "Resume with the config it was started with, or train in another folder."
            raise MismatchError(f"{where}: {name} of this training", expected=before, found=value, hint=hint)
