"""A sweep's TOML file: what is shared, what varies, and how the SAEs are judged."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from autointerp.errors import UsageError
from autointerp.train._config import TrainingConfig

SHARED = frozenset({
    "model", "hook_point", "weight_processing", "corpus", "column", "context_length", "prepend_bos", "drop_bos",
    "n_tokens", "n_train", "n_eval", "buffer_size", "batch_size", "cache", "cache_dtype", "checkpoint_every",
    "wandb_project", "device",
})  # fmt: skip
"""Fields that decide the one stream of activations, and can't vary."""
NONE = "none"
"""TOML has no null: a value of the grid that means the field is left out, where that is its default; other fields may
have it as a value of their own."""


class SweepConfig(BaseModel):
    """Every field of the TOML file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    train: dict[str, Any]
    """Fields of a training that all SAEs share; ``seed`` is also the stream's."""
    grid: dict[str, list[Any]] = Field(min_length=1)
    """Field -> values. Every combination becomes an SAE; ``"none"`` leaves a field out that is off by default."""
    features: str = "top25,bottom25"
    """Groups of features that are labelled, by the rules."""
    n_label_tokens: int = Field(default=400_000, ge=1)
    """Tokens of the harvest before the labels."""

    @model_validator(mode="after")
    def _check_grid(self) -> SweepConfig:
        for name, values in self.grid.items():
            if name not in TrainingConfig.model_fields:
                raise ValueError(f"grid.{name}: no field of a training")
            if name in SHARED:
                raise ValueError(f"grid.{name}: all SAEs of a sweep see the same activations, this can't vary")
            if name in self.train:
                raise ValueError(f"grid.{name}: also stands in [train]")
            if not values or len(set(map(str, values))) < len(values):
                raise ValueError(f"grid.{name}: needs values, each once")
        return self

    @classmethod
    def read(cls, path: Path) -> SweepConfig:
        """Read and validate a TOML file, and every SAE's config with it.

        Raises:
            UsageError: It is missing, is not TOML, or a field is wrong (names the field and the file).
        """
        try:
            config = cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
            config.variants()
        except OSError as error:
            raise UsageError(f"{path}: can't be read ({error.strerror}).") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: not TOML: {error}.") from error
        except ValidationError as error:
            problems = [(".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors()]
            said = "; ".join(": ".join(filter(None, problem)) for problem in problems)
            raise UsageError(f"{path}: {said}. A sweep has [train], [grid], features and n_label_tokens.") from error
        return config

    def points(self) -> list[dict[str, Any]]:
        """Every combination of the grid: field -> value, None for a field that is left out."""
        off = {name for name in self.grid if TrainingConfig.model_fields[name].default is None}
        return [
            {
                name: None if value == NONE and name in off else value
                for name, value in zip(self.grid, values, strict=True)
            }
            for values in itertools.product(*self.grid.values())
        ]

    def variants(self) -> dict[str, TrainingConfig]:
        """The SAEs by name, such as ``expansion-8_l1_coefficient-0.01``.

        Raises:
            ValidationError: A combination is no valid training.
        """
        made = {}
        for point in self.points():
            name = "_".join(f"{field}-{NONE if value is None else value}" for field, value in point.items())
            given = {field: value for field, value in point.items() if value is not None}
            made[name.replace("/", "-")] = TrainingConfig.model_validate({**self.train, **given})
        return made
