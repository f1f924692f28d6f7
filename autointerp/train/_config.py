"""``train``'s TOML file, validated strictly."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autointerp.errors import UsageError


class TrainingConfig(BaseModel):
    """What to train an SAE on, and how; every field of the TOML file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = "bundled"
    """Subject model: ``bundled``, a hub name or a local folder."""
    hook_point: str
    """Where activations are read, e.g. ``blocks.1.hook_resid_post``."""
    weight_processing: Literal["raw", "compatibility"] = "raw"
    """transformer_lens's folded weights (``compatibility``) or the model as trained (``raw``)."""
    corpus: str = "python"
    """``python``, a .txt/.jsonl/.parquet file, or ``hf:NAME``."""
    column: str | None = None
    """Text column of a .jsonl, .parquet or hub data set (default ``text``)."""
    context_length: int = Field(default=128, ge=2)
    """Tokens a window, BOS included."""
    prepend_bos: bool = True
    """Put BOS in front of every window."""
    drop_bos: bool = True
    """Leave BOS and the first position out of training: their norms are outliers."""
    n_tokens: int = Field(default=1_000_000, ge=1)
    """Distinct tokens read from the corpus."""
    n_train: int | None = Field(default=None, ge=1)
    """Activations trained on in all (default: every token once); more repeats the corpus in another order."""
    expansion: int = Field(default=8, ge=1)
    """d_sae / d_in."""
    l1_coefficient: float = Field(default=2.0, ge=0)
    """Weight of the sparsity penalty (see ``l1_reduction``)."""
    l1_reduction: Literal["code", "paper", "sse"] = "sse"
    """How squared error and L1 are averaged: see ``sae.TrainConfig``."""
    lr: float = Field(default=3e-3, gt=0)
    """Adam's learning rate."""
    batch_size: int = Field(default=1024, ge=1)
    """Activations a step."""
    buffer_size: int = Field(default=65_536, ge=1)
    """Activations in the shuffling buffer."""
    resample_every: int | None = Field(default=None, ge=1)
    """Steps between resamplings of dead features (none by default)."""
    resample_dead_window: int = Field(default=200, ge=1)
    """A feature without a firing in this many steps is dead."""
    l1_warmup_steps: int = Field(default=100, ge=0)
    """Steps over which the penalty rises linearly."""
    seed: int = 0
    """Of initialisation, shuffling and resampling."""
    device: str = "cpu"
    """``cpu`` or ``cuda``."""

    @classmethod
    def read(cls, path: Path) -> TrainingConfig:
        """Read and validate a TOML file.

        Raises:
            UsageError: It is missing, is not TOML, or a field is wrong (names the field and the file).
        """
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"{path}: can't be read ({error.strerror}).") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: not TOML: {error}.") from error
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise UsageError(f"{path}: {problems}. Fields: {', '.join(cls.model_fields)}.") from error
