"""The lines of a Neuronpedia export: what its importer reads into its tables.

Written from hijohnnylin/neuronpedia at commit ebb8426fc550ad5d1f76d52c271a624af3c08a57: the dataclasses in
``utils/neuronpedia-utils/neuronpedia_utils/db_models/{feature,activation,explanation,source,source_set,source_release,
model}.py`` name the fields, ``apps/webapp/app/api/admin/import/route.ts`` and ``apps/webapp/lib/db/import.ts`` read the
files, and ``apps/webapp/prisma/schema.prisma`` has the tables. A field that a run can't fill has the default that those
files give it: an empty list, null, or zero.
"""
# ruff: noqa: N815 (the names are the wire's)

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Real = Annotated[float, Field(allow_inf_nan=False)]
"""JSON has no nan."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class FeatureLine(_Line):
    """A line of ``features/batch-N.jsonl.gz``: the table Neuron."""

    modelId: str
    layer: str
    """Id of the source."""
    index: str
    creatorId: str | None = None
    createdAt: str
    maxActApprox: Real | None = 0.0
    hasVector: bool = False
    vector: list[Real] = []
    vectorLabel: str | None = None
    vectorDefaultSteerStrength: Real | None = 10.0
    hookName: str | None = None
    topkCosSimIndices: list[int] = []
    topkCosSimValues: list[Real] = []
    neuron_alignment_indices: list[int] = []
    neuron_alignment_values: list[Real] = []
    neuron_alignment_l1: list[Real] = []
    correlated_neurons_indices: list[int] = []
    correlated_neurons_pearson: list[Real] = []
    correlated_neurons_l1: list[Real] = []
    correlated_features_indices: list[int] = []
    correlated_features_pearson: list[Real] = []
    correlated_features_l1: list[Real] = []
    neg_str: list[str] = []
    neg_values: list[Real] = []
    pos_str: list[str] = []
    pos_values: list[Real] = []
    frac_nonzero: Real = 0.0
    freq_hist_data_bar_heights: list[Real] = []
    freq_hist_data_bar_values: list[Real] = []
    logits_hist_data_bar_heights: list[Real] = []
    logits_hist_data_bar_values: list[Real] = []
    decoder_weights_dist: list[Real] = []
    sourceSetName: str | None = None


class ActivationLine(_Line):
    """A line of ``activations/batch-N.jsonl.gz``: one context of one feature."""

    id: str
    tokens: list[str]
    index: str
    layer: str
    modelId: str
    maxValue: Real
    maxValueTokenIndex: int
    minValue: Real
    values: list[Real]
    creatorId: str
    dataSource: str | None = None
    dataIndex: str | None = None
    dfaValues: list[Real] = []
    dfaTargetIndex: int | None = None
    dfaMaxValue: Real | None = None
    createdAt: str
    lossValues: list[Real] = []
    logitContributions: str | None = None
    binMin: Real | None = None
    binMax: Real | None = None
    binContains: Real | None = None
    """Share of the feature's activations in the bin; -1 marks the strongest of all."""
    qualifyingTokenIndex: int | None = None
    zIndices: list[list[int]] | None = None
    zValues: list[Real] | None = None


class ExplanationLine(_Line):
    """A line of ``explanations/batch-N.jsonl.gz``.

    Of the published fields one is left out, ``embedding``, as Neuronpedia's own writer does where it computed none.
    """

    id: str
    modelId: str
    layer: str
    index: str
    description: str = Field(min_length=1)
    authorId: str
    triggeredById: str | None = None
    typeName: str | None = None
    """Null: a foreign key, which only names that the server knows satisfy."""
    explanationModelName: str | None = None
    """Null, as ``typeName``; ``notes`` says who labelled."""
    notes: str | None = None
    createdAt: str


class SourceLine(_Line):
    """The line of ``source.jsonl``: one SAE."""

    id: str
    modelId: str
    setName: str
    creatorId: str
    hasDashboards: bool = True
    inferenceEnabled: bool = False
    inferenceHosts: list[str] = []
    saelensConfig: str | None = None
    saelensRelease: str | None = None
    saelensSaeId: str | None = None
    hfRepoId: str | None = None
    hfFolderId: str | None = None
    visibility: str = "PUBLIC"
    defaultOfModelId: str | None = None
    hasUmap: bool = False
    hasUmapLogSparsity: bool = False
    hasUmapClusters: bool = False
    num_prompts: int | None = None
    num_tokens_in_prompt: int | None = None
    dataset: str | None = None
    notes: str | None = None
    createdAt: str


class SourceSetLine(_Line):
    """The line of ``sourceset.jsonl``: the SAEs of one kind, here this one."""

    modelId: str
    name: str
    creatorId: str
    hasDashboards: bool = True
    visibility: str = "PRIVATE"
    description: str = ""
    type: str = ""
    creatorName: str = ""
    urls: list[str] = []
    creatorEmail: str | None = None
    releaseName: str | None = None
    defaultOfModelId: str | None = None
    defaultRange: int = 1
    defaultShowBreaks: bool = True
    showDfa: bool = False
    showCorrelated: bool = False
    showHeadAttribution: bool = False
    showUmap: bool = False
    createdAt: str


class ReleaseLine(_Line):
    """The line of ``release.jsonl``."""

    name: str
    description: str
    creatorName: str
    creatorId: str
    visibility: str = "PUBLIC"
    isNewUi: bool = False
    featured: bool = False
    descriptionShort: str | None = None
    urls: list[str] = []
    creatorEmail: str | None = None
    creatorNameShort: str | None = None
    defaultSourceSetName: str | None = None
    defaultSourceId: str | None = None
    defaultUmapSourceIds: list[str] = []
    createdAt: str


class ModelLine(_Line):
    """The line of ``model.jsonl``; a server that has the model already leaves its own as it is."""

    id: str
    instruct: bool = False
    creatorId: str
    displayNameShort: str = ""
    displayName: str = ""
    tlensId: str | None = None
    dimension: int | None = None
    visibility: str = "PUBLIC"
    defaultSourceSetName: str | None = None
    defaultSourceId: str | None = None
    inferenceEnabled: bool = True
    layers: int = 0
    neuronsPerLayer: int = 0
    createdAt: str
    owner: str = ""
    updatedAt: str
    website: str | None = None
