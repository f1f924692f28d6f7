"""``train``'s TOML file with ``[[stages]]``: an SAE after the other, each on what the ones before it left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from autointerp.errors import UsageError
from autointerp.train._config import TrainingConfig, read_toml
from autointerp.train._sae_fields import SAEFields
from sae.stack import Reads


class StageConfig(TrainingConfig):
    """One stage, with all that it shares with the others."""

    reads: Reads
    """What its encoder takes: x, the activations; or residual, what the stages before it leave of them. It learns to
    reconstruct what they leave either way; to the first stage both are the same."""


OWN = (set(SAEFields.model_fields) - {"device"}) | {"n_train", "reads"}
"""Fields that a stage may have of its own."""
SHARED = tuple(name for name in TrainingConfig.model_fields if name not in OWN)
"""All others: they decide the one stream of activations, and stand at the top."""
_EITHER = {"d_sae": "expansion", "expansion": "d_sae"}
"""A stage that gives the one does not take the other from the top."""


class StackConfig(BaseModel):
    """What to train a stack on, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stages: tuple[StageConfig, ...] = Field(min_length=1)
    """First to last; they differ in the fields of ``OWN`` alone."""

    @model_validator(mode="after")
    def _check(self) -> StackConfig:
        for name in SHARED:
            first, *others = (getattr(stage, name) for stage in self.stages)
            if any(other != first for other in others):
                raise ValueError(f"{name}: all stages read the same activations, this can't vary")
        return self

    @property
    def reads(self) -> tuple[Reads, ...]:
        """What each stage's encoder takes; to the first both are the same."""
        return ("x", *(stage.reads for stage in self.stages[1:]))

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> StackConfig:
        """Make a config from the fields of a TOML file.

        Args:
            fields: Those of ``TrainingConfig``; and ``stages``, a list of tables whose fields (those of ``OWN``) hold
                for one stage in the place of the ones at the top.

        Raises:
            UsageError: A field is missing or wrong; names it, and the stage.
        """
        tables = fields.get("stages")
        if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
            raise UsageError("stages: give a table [[stages]] for each stage")
        top = {name: value for name, value in fields.items() if name != "stages"}
        found = [_Stage(number, table, top) for number, table in enumerate(tables, start=1)]
        problems = [problem for stage in found for problem in stage.problems()]
        if problems:
            raise UsageError("; ".join(dict.fromkeys(problems)))  # what is wrong at the top, once
        return cls(stages=tuple(StageConfig.model_validate(stage.fields) for stage in found))

    @classmethod
    def read(cls, path: Path) -> StackConfig:
        """Read and validate a TOML file.

        Raises:
            UsageError: It is missing, is not TOML, or a field is wrong (names the field, the stage and the file).
        """
        try:
            return cls.of(read_toml(path))
        except UsageError as error:
            said = str(error)
            raise UsageError(said if said.startswith(f"{path}: ") else f"{path}: {said}. {_fields()}") from error


class _Stage:
    """One table ``[[stages]]``, and the fields at the top that it does not override."""

    def __init__(self, number: int, table: Mapping[str, Any], top: Mapping[str, Any]) -> None:
        replaced = {_EITHER[name] for name in table if name in _EITHER}
        inherited = {name: value for name, value in top.items() if name not in replaced}
        self.number, self.table = number, table
        self.fields = {**({"reads": "x"} if number == 1 else {}), **inherited, **table}

    def problems(self) -> list[str]:
        """What is wrong with it."""
        found = [
            f"stage {self.number}, {name}: stands at the top, because all stages read the same activations"
            for name in self.table
            if name in SHARED
        ]
        try:
            StageConfig.model_validate(self.fields)
        except ValidationError as error:
            found += [self._say(dict(one)) for one in error.errors()]
        return found

    def _say(self, error: Mapping[str, Any]) -> str:
        name = str(error["loc"][0]) if error["loc"] else ""
        said = StageConfig.describe(error)
        if name == "reads" and name not in self.fields:
            said = "reads: is missing: residual, for an encoder of what the stages before it leave; or x"
        if name not in self.table and (name in self.fields or name in SHARED):
            return said  # it stands at the top
        return f"stage {self.number}, {said}" if name else f"stage {self.number}: {said}"


def read_training(path: Path) -> TrainingConfig | StackConfig:
    """Read and validate ``train``'s TOML file, of one SAE or, with ``[[stages]]``, of a stack.

    Raises:
        UsageError: It is missing, is not TOML, or a field is wrong (names the field and the file).
    """
    return StackConfig.read(path) if "stages" in read_toml(path) else TrainingConfig.read(path)


def _fields() -> str:
    own = ", ".join(name for name in StageConfig.model_fields if name in OWN)
    return f"Fields at the top: {', '.join(SHARED)}. At the top, in [[stages]] or in both: {own}."
