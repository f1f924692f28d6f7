"""``train``'s TOML file, validated strictly."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from autointerp.errors import UsageError
from autointerp.train._cache_meta import CacheDtype
from autointerp.train._sae_fields import SAEFields


class TrainingConfig(SAEFields):
    """What to train an SAE on, and how; every field of the TOML file."""

    model: str = "bundled"
    """Subject model: bundled, a hub name or a local folder."""
    hook_point: str
    """Where activations are read, e.g. blocks.1.hook_resid_post."""
    weight_processing: Literal["raw", "compatibility"] = "raw"
    """transformer_lens's folded weights (compatibility) or the model as trained (raw)."""
    corpus: str = "python"
    """python, a .txt/.jsonl/.parquet file, or hf:NAME."""
    column: str | None = None
    """Text column of a .jsonl, .parquet or hub data set (default: text)."""
    context_length: int = Field(default=128, ge=2)
    """Tokens a window, BOS included."""
    prepend_bos: bool = True
    """Put BOS in front of every window."""
    drop_bos: bool = True
    """Leave BOS and the first position out of training: their norms are outliers."""
    n_tokens: int = Field(default=1_000_000, ge=1)
    """Distinct tokens of the corpus to train on."""
    n_train: int | None = Field(default=None, ge=1)
    """Activations trained on in all (default: every token once); more repeats the corpus in another order."""
    n_eval: int = Field(default=50_000, ge=0)
    """Tokens after these that the finished SAE is evaluated on; 0 for no evaluation."""
    buffer_size: int = Field(default=65_536, ge=1)
    """Activations in the shuffling buffer."""
    cache: str | None = None
    """Folder in which the activations of all n_tokens are kept, computed once and read by every training that names it
    (default: they are computed as training needs them)."""
    cache_dtype: CacheDtype = "float32"
    """Of the cached numbers; float16 needs half the room."""
    checkpoint_every: int | None = Field(default=None, ge=1)
    """Steps between checkpoints, from which a training that was stopped in any way goes on with --resume (default: a
    tenth of all steps)."""
    wandb_project: str | None = None
    """Weights & Biases project that metrics are sent to (default: none; needs the extra autointerp[wandb])."""

    @model_validator(mode="after")
    def _check_buffer(self) -> TrainingConfig:
        if self.buffer_size < self.batch_size:
            raise ValueError(f"buffer_size ({self.buffer_size}) must hold a batch (batch_size = {self.batch_size})")
        return self

    @classmethod
    def read(cls, path: Path) -> TrainingConfig:
        """Read and validate a TOML file.

        Raises:
            UsageError: It is missing, is not TOML, or a field is wrong (names the field and the file).
        """
        raw = read_toml(path)
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            problems = "; ".join(cls.describe(dict(e)) for e in error.errors())
            raise UsageError(f"{path}: {problems}. Fields: {', '.join(cls.model_fields)}.") from error

    @classmethod
    def describe(cls, error: Mapping[str, Any]) -> str:
        """Say one of pydantic's errors: ``lr: Input should be greater than 0 (Adam's peak learning rate)``."""
        message = str(error["msg"]).removeprefix("Value error, ")
        if not error["loc"]:
            return message
        field = cls.model_fields.get(str(error["loc"][0]))
        said = "" if field is None else " ".join((field.description or "").split()).rstrip(".")
        meaning = f" ({said})" if said else ""
        return f"{'.'.join(map(str, error['loc']))}: {message}{meaning}"


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        UsageError: It is missing, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}.") from error
