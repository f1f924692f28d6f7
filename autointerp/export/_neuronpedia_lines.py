"""A run's features, contexts and labels as lines of a Neuronpedia export."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.errors import UsageError
from autointerp.export._neuronpedia_schema import (
    ActivationLine,
    ExplanationLine,
    FeatureLine,
    ModelLine,
    ReleaseLine,
    SourceLine,
    SourceSetLine,
)
from autointerp.export._rows import LabelRecord, label_records, rows_by_feature, six_digits
from autointerp.export._text import public_name, storable
from autointerp.harvest import HISTOGRAM_EDGES, Context, FeatureSketch, load_contexts, load_sketch, merge
from autointerp.run import Manifest, RunDirectory

DEFAULT_CREATOR = "clkht01d40000jv08hvalcvly"
"""The user that every Neuronpedia server is seeded with (``apps/webapp/prisma/seed.ts``), to whom imports belong."""
TOP_BIN = -1.0
"""What marks the strongest contexts, as SAEDashboard writes it."""


@dataclass(frozen=True)
class NeuronpediaLines:
    """Everything an import reads."""

    release: ReleaseLine
    model: ModelLine
    source_set: SourceSetLine
    source: SourceLine
    features: list[FeatureLine]
    activations: list[ActivationLine]
    explanations: list[ExplanationLine]


@dataclass(frozen=True)
class _Names:
    model: str
    source_set: str
    source: str
    created: str


def neuronpedia_lines(run: RunDirectory) -> NeuronpediaLines:
    """Every selected feature once, with its contexts and its label.

    Raises:
        UsageError: The run has no labels, no contexts or no harvest, or doesn't say what it is of.
    """
    manifest = run.read_manifest()
    names = _names(manifest, run)
    records = {record.feature: record for record in label_records(run)}
    contexts = load_contexts(run)
    sketch = merge(load_sketch(run, "explain"), load_sketch(run, "score"))
    edges = sketch.decile_edges()
    scores = rows_by_feature(run.scores, None, records) if run.scores.exists() else {}
    return NeuronpediaLines(
        **_headers(manifest, names),
        features=[_feature(record, sketch, names) for record in records.values()],
        activations=[
            _activation(context, edges[record.feature], record, names)
            for record in records.values()
            for context in contexts.get(record.feature, ())
            if context.is_positive
        ],
        explanations=[
            _explanation(record, scores.get(record.feature, {}), names) for record in records.values() if record.label
        ],
    )


def _names(manifest: Manifest, run: RunDirectory) -> _Names:
    if manifest.model is None or manifest.sae is None or manifest.corpus is None:
        raise UsageError(
            f"{run.manifest_file}: does not name its model, SAE and text, which --format neuronpedia needs."
        )
    layer = re.match(r"blocks\.(\d+)\.", manifest.model.hook_point)
    source_set = f"{_slug(PurePath(manifest.sae.path).name)}-{manifest.sae.sha256[:8]}"
    return _Names(
        model=_slug(PurePath(manifest.model.name).name),
        source_set=source_set,
        source=f"{layer[1] if layer else 'e'}-{source_set}",  # "e": what Neuronpedia calls the embedding
        created=manifest.created,
    )


def _slug(name: str) -> str:
    """Lower-case letters, digits and single dashes: what the server's ids may hold ("__" separates parts of them)."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"


def _headers(manifest: Manifest, names: _Names) -> dict[str, Any]:
    assert manifest.model is not None
    assert manifest.sae is not None
    assert manifest.corpus is not None
    title = f"{manifest.sae.architecture} SAE of {manifest.sae.d_sae} features at {manifest.model.hook_point}"
    by_whom: dict[str, Any] = {"creatorId": DEFAULT_CREATOR, "createdAt": names.created}
    return {
        "release": ReleaseLine(name=names.source_set, description=title, creatorName="autointerp", **by_whom),
        "model": ModelLine(
            id=names.model, displayName=names.model, displayNameShort=names.model, updatedAt=names.created, **by_whom
        ),
        "source_set": SourceSetLine(
            modelId=names.model,
            name=names.source_set,
            description=title,
            creatorName="autointerp",
            releaseName=names.source_set,
            visibility="PUBLIC",
            **by_whom,
        ),
        "source": SourceLine(
            id=names.source,
            modelId=names.model,
            setName=names.source_set,
            num_prompts=manifest.corpus.n_windows,
            num_tokens_in_prompt=manifest.corpus.context_length,
            dataset=storable(public_name(manifest.corpus.name)),
            **by_whom,
        ),
    }


def _feature(record: LabelRecord, sketch: FeatureSketch, names: _Names) -> FeatureLine:
    counts = sketch.histogram[record.feature]
    used = np.flatnonzero(counts)
    bars = slice(used[0], used[-1] + 1) if len(used) else slice(0, 0)
    return FeatureLine(
        modelId=names.model,
        layer=names.source,
        index=str(record.feature),
        creatorId=DEFAULT_CREATOR,
        createdAt=names.created,
        maxActApprox=record.max_activation or 0.0,
        frac_nonzero=record.density or 0.0,
        freq_hist_data_bar_heights=counts[bars].astype(float).tolist(),
        freq_hist_data_bar_values=_middles()[bars].tolist(),
        sourceSetName=names.source_set,
    )


def _middles() -> NDArray[np.float64]:
    """Where the histogram's bars stand: the middle of each bin, the edge of the open ones at both ends."""
    edges = HISTOGRAM_EDGES.astype(np.float64)
    return np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:]])


def _activation(context: Context, edges: NDArray[np.float64], record: LabelRecord, names: _Names) -> ActivationLine:
    values = [six_digits(value) or 0.0 for value in context.activations]
    largest = max(values)
    place = f"{names.source}/{context.feature}/{context.window}/{context.position}/{context.stratum}"
    return ActivationLine(
        id="c" + hashlib.sha256(place.encode()).hexdigest()[:24],
        tokens=[storable(token) for token in context.tokens],
        index=str(context.feature),
        layer=names.source,
        modelId=names.model,
        maxValue=largest,
        maxValueTokenIndex=values.index(largest),
        minValue=min(values),
        values=values,
        creatorId=DEFAULT_CREATOR,
        createdAt=names.created,
        qualifyingTokenIndex=context.peak,
        **_bin(context, edges, record.max_activation or largest),
    )


def _bin(context: Context, edges: NDArray[np.float64], maximum: float) -> dict[str, Any]:
    """The tenth of the feature's activations in which the context's peak lies."""
    if context.stratum == "top":
        return {"binMin": TOP_BIN, "binMax": maximum, "binContains": TOP_BIN}
    decile = int(np.searchsorted(edges, context.activations[context.peak], side="right"))
    bounds = [0.0, *edges.tolist(), maximum]
    return {
        "binMin": six_digits(bounds[decile]),
        "binMax": six_digits(bounds[decile + 1]),
        "binContains": 0.1,
    }


def _explanation(record: LabelRecord, score: dict[str, Any], names: _Names) -> ExplanationLine:
    place = f"{names.source}/{record.feature}/{record.llm}/{record.prompt}/{record.label}"
    said = [f"autointerp: labelled by {record.llm}, prompt {record.prompt}", record.reasoning]
    if score.get("balanced_accuracy") is not None:
        said.append(
            f"detection on held-out text: balanced accuracy {score['balanced_accuracy']:.3f} "
            f"[{score['ba_low']:.3f}, {score['ba_high']:.3f}]; verified: {'yes' if score['verified'] else 'no'}"
        )
    return ExplanationLine(
        id="c" + hashlib.sha256(place.encode(errors="backslashreplace")).hexdigest()[:24],
        modelId=names.model,
        layer=names.source,
        index=str(record.feature),
        description=storable(record.label),
        authorId=DEFAULT_CREATOR,
        notes=storable("\n".join(part for part in said if part)),
        createdAt=names.created,
    )
