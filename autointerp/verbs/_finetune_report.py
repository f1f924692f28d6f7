"""``finetune.json``: what a fine-tuning read, and what it changed on text that it did not read."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

FINETUNE_FILE = "finetune.json"


class Difference(BaseModel):
    """A figure after less the same before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    standard_error: float | None
    """Over documents; null where there is one group of them."""


class Scales(BaseModel):
    """What decoder rows were multiplied with, over the features that were tuned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_negative: int
    """Features that now say the opposite of what they said."""
    low: float
    """5 % quantile."""
    median: float
    high: float
    """95 % quantile."""


class FinetuneReport(BaseModel):
    """The file's content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    sae: str
    """Where the SAE was read, as it was named."""
    sae_sha256: str
    """Of its weights."""
    tuned_sha256: str
    """Of the weights written."""
    model: str
    hook_point: str
    corpus: str
    windows_sha256: str
    """Of the text, tuned on and held out."""
    seed: int
    keep_bos: bool
    """Whether BOS and first positions were read, too."""
    tune: str
    b_dec: bool
    method: str
    n_steps: int | None
    """Of the gradient; null for least squares."""
    lr: float | None
    """Likewise."""
    min_active: int
    """Features that fire on fewer of the tokens tuned on stay as they are."""
    n_features: int
    n_tuned: int
    """Features with another decoder row."""
    n_tokens: int
    """Tuned on."""
    n_held_out: int
    """Measured on: of documents none of which was tuned on, nor a near-duplicate of it."""
    before: dict[str, float | None]
    """On the held-out tokens: ``fvu``, ``mse``, ``l2_ratio``, ``cosine``, ``l0``, and unless the model is an encoder
    ``loss_added`` (nats a token) and ``loss_recovered``."""
    after: dict[str, float | None]
    difference: dict[str, Difference]
    scales: Scales | None
    """Null when the whole decoder was tuned, or no feature was."""
