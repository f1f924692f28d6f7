"""``run.json``: every input of a run with its hash, its settings, and the stages that are done."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib import metadata

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1


def package_versions() -> dict[str, str]:
    """Versions of the packages that can change a number."""
    names = ["autointerp", "torch", "transformer_lens", "transformers", "tokenizers", "openai", "anthropic", "numpy"]
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SAEInput(_Strict):
    """The SAE under study."""

    path: str
    """As the user gave it."""
    sha256: str
    """Hash of its weights: the identity that two runs share or not."""
    architecture: str
    d_in: int
    d_sae: int


class ModelInput(_Strict):
    """The subject model."""

    name: str
    """``bundled``, a hub name or a local folder."""
    fingerprint: str
    """Hash of config and weights (local) or name and revision (hub)."""
    hook_point: str
    weight_processing: str
    """``raw`` or ``compatibility`` (transformer_lens's folded weights)."""


class CorpusInput(_Strict):
    """The text, as it was cut into windows."""

    name: str
    column: str | None = None
    n_tokens: int
    """Tokens harvested, without BOS and padding."""
    n_windows: int
    context_length: int
    prepend_bos: bool
    fingerprint: str
    """Hash of all windows and their splits."""


class LLMInput(_Strict):
    """Who labelled, or judged."""

    provider: str
    """As given: ``rules``, ``openai:MODEL``, ``anthropic:MODEL``, ``batch:...``, ``jsonl``, ``replay:...``."""
    prompt: str
    """Name and content hash of the prompt."""
    base_url: str | None = None


class Manifest(_Strict):
    """The whole file."""

    schema_version: int = SCHEMA_VERSION
    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    seed: int = 0
    config: dict[str, object] = Field(default_factory=dict)
    """Settings that change results (excluded positions, contexts a feature, feature groups, ...)."""
    sae: SAEInput | None = None
    model: ModelInput | None = None
    corpus: CorpusInput | None = None
    labeler: LLMInput | None = None
    judge: LLMInput | None = None
    versions: dict[str, str] = Field(default_factory=package_versions)
    stages: dict[str, str] = Field(default_factory=dict)
    """Stage name -> when it finished (``windows``, ``harvest``, ``contexts``, ``labels``, ``scores``)."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """Stage name -> seconds of work, over all resumed parts."""
