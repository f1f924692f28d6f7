"""The baseline file: what a scored run found, feature by feature, in one committed JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autointerp.errors import UsageError
from autointerp.run import write_text

SCHEMA_VERSION = 1
Rate = Literal["label", "verified", "robust"]
RATES: tuple[Rate, ...] = ("label", "verified", "robust")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BaselineSAE(_Strict):
    """The SAE that was scored."""

    sha256: str
    """Hash of its weights."""
    d_in: int
    d_sae: int


class BaselineModel(_Strict):
    """The subject model."""

    name: str
    fingerprint: str


class BaselineCorpus(_Strict):
    """The text windows."""

    name: str
    fingerprint: str
    """Hash of all windows and their splits; the same fingerprint is the same text."""
    context_length: int


class BaselineLLM(_Strict):
    """Who labelled, or judged."""

    provider: str
    prompt: str
    """Name and content hash of the prompt."""


class RateCount(_Strict):
    """One rate of one group, as a count."""

    k: int
    """Features that have it."""
    n: int
    """Features with an answer."""


class BaselineGroup(_Strict):
    """One group of selected features."""

    features: list[int]
    """In the order of their selection."""
    rates: dict[Rate, RateCount]


class BaselineFeature(_Strict):
    """What was found for one feature; None is a missing answer, never a no."""

    label: str
    verdict: str
    outcome: str
    """How labelling ended; ``ok`` is an answer."""
    label_ok: bool | None
    """Whether it got a label other than POLYSEMANTIC."""
    verified: bool | None
    """Whether the label predicts held-out activity."""
    robust: bool | None
    """Whether it also does so among the weakest activations; None with an answer in ``verified``: untestable."""
    balanced_accuracy: float | None
    """Of the label on held-out contexts."""
    decoder: str | None = None
    """The unit decoder direction, float16 little-endian in base64, [d_in]; what finds the feature in another SAE."""

    def answer(self, rate: Rate) -> bool | None:
        """Whether the feature counts for a rate; None without an answer."""
        return {"label": self.label_ok, "verified": self.verified, "robust": self.robust}[rate]

    def untestable(self, rate: Rate) -> bool:
        """Whether the feature was scored, and has too few weak activations to say ``robust``."""
        return rate == "robust" and self.robust is None and self.verified is not None


class Noise(_Strict):
    """How often judge and labeler change their minds over the very same question."""

    flip_rate: float = Field(ge=0, le=1)
    """Share of features whose verdict changed when asked again."""
    n: int = Field(ge=0)
    """Features asked twice; 0: nothing in the chain is random."""


class Baseline(_Strict):
    """The whole file."""

    schema_version: int = SCHEMA_VERSION
    created: str
    """When the run was started."""
    sae: BaselineSAE
    model: BaselineModel
    hook_point: str
    corpus: BaselineCorpus
    labeler: BaselineLLM
    judge: BaselineLLM | None
    """None when only labels were made."""
    versions: dict[str, str]
    groups: dict[str, BaselineGroup]
    features: dict[int, BaselineFeature]
    noise: Noise | None = None
    """None when it was never measured."""


def read_baseline(path: Path) -> Baseline:
    """Read a baseline file.

    Raises:
        UsageError: It is missing, broken, or of another schema version.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: can't be read as a baseline ({error}). Make one with 'autointerp baseline RUN > {path}'."
        ) from error
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"{path}: schema_version is {version!r}, this autointerp reads {SCHEMA_VERSION}. "
            f"Make the baseline again with 'autointerp baseline RUN > {path}'."
        )
    try:
        baseline = Baseline.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}: {where}: {first['msg']}. Restore the file or make it again.") from error
    for name, group in baseline.groups.items():
        absent = [feature for feature in group.features if feature not in baseline.features]
        if absent:
            raise UsageError(
                f"{path}: groups.{name} names feature {absent[0]}, which features lacks. Restore the file."
            )
        if len(set(group.features)) < len(group.features):  # each would count twice, and chance seem smaller
            raise UsageError(f"{path}: groups.{name} names a feature twice. Restore the file.")
    return baseline


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write a baseline file atomically; the same baseline is the same bytes."""
    write_text(path, baseline.model_dump_json(indent=1) + "\n")
