"""The body of Neuronpedia's upload: ``POST /api/feature/upload-batch``, for people who run no server of their own.

Written from hijohnnylin/neuronpedia at commit ebb8426fc550ad5d1f76d52c271a624af3c08a57,
``apps/webapp/app/api/feature/upload-batch/route.tsx``: its fields, its bounds, and its further checks (as many values
as tokens, each index once, method and model names that the server knows or null).
"""
# ruff: noqa: N815 (the names are the wire's)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from autointerp.export._neuronpedia_schema import ActivationLine, ExplanationLine, FeatureLine, Real

FEATURES_A_BATCH = 128
_MAX_TOKENS = 1024
_MAX_TEXT_CHARS = 512
_Token = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class UploadLogit(_Part):
    """A token that the feature promotes or suppresses."""

    token: _Token
    value: Real


class UploadExplanation(_Part):
    """A label."""

    text: str = Field(min_length=1, max_length=_MAX_TEXT_CHARS)
    methodName: str | None = None
    modelName: str | None = None


class UploadActivation(_Part):
    """A context."""

    tokens: list[_Token] = Field(min_length=1, max_length=_MAX_TOKENS)
    values: list[Real] = Field(min_length=1, max_length=_MAX_TOKENS)
    quantileMax: Annotated[Real, Field(le=99_999_999)] | None = None
    quantileMin: Annotated[Real, Field(le=99_999_999)] | None = None
    quantileFraction: Annotated[Real, Field(ge=0, le=1)] | None = None


class UploadFeature(_Part):
    """A feature with what belongs to it."""

    index: int = Field(ge=0, le=10_000_000)
    density: Annotated[Real, Field(ge=0, le=1)]
    topLogits: list[UploadLogit] | None = Field(default=None, max_length=20)
    bottomLogits: list[UploadLogit] | None = Field(default=None, max_length=20)
    explanations: list[UploadExplanation]
    activations: list[UploadActivation] = Field(min_length=1)


class UploadBatch(_Part):
    """The body."""

    modelId: str = Field(pattern=r"^[^A-Z]+$")
    source: str = Field(pattern=r"^[^A-Z]+$")
    features: list[UploadFeature] = Field(min_length=1, max_length=FEATURES_A_BATCH)


def upload_batches(
    features: Sequence[FeatureLine], activations: Sequence[ActivationLine], explanations: Sequence[ExplanationLine]
) -> Iterator[UploadBatch]:
    """The same features as bodies of the upload; a feature without a context is left out, as the upload demands one.

    A label longer than 512 characters is cut, and an empty token becomes a zero-width space: the upload refuses both.
    """
    contexts: dict[str, list[UploadActivation]] = {}
    for line in activations:
        contexts.setdefault(line.index, []).append(_activation(line))
    labels: dict[str, list[UploadExplanation]] = {}
    for said in explanations:
        labels.setdefault(said.index, []).append(UploadExplanation(text=said.description[:_MAX_TEXT_CHARS]))
    firing = [feature for feature in features if feature.index in contexts]
    for at in range(0, len(firing), FEATURES_A_BATCH):
        batch = firing[at : at + FEATURES_A_BATCH]
        yield UploadBatch(
            modelId=batch[0].modelId,
            source=batch[0].layer,
            features=[
                UploadFeature(
                    index=int(feature.index),
                    density=feature.frac_nonzero,
                    explanations=labels.get(feature.index, []),
                    activations=contexts[feature.index],
                )
                for feature in batch
            ],
        )


def _activation(line: ActivationLine) -> UploadActivation:
    is_binned = line.binContains is not None and line.binContains >= 0
    return UploadActivation(
        tokens=[token or "\u200b" for token in line.tokens],
        values=line.values,
        quantileMin=line.binMin if is_binned else None,
        quantileMax=line.binMax if is_binned else None,
        quantileFraction=line.binContains if is_binned else None,
    )
