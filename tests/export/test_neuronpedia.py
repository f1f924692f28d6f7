"""Neuronpedia's import and upload: every field as published, read back by the importer's own rules."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from autointerp.errors import UsageError
from autointerp.export import _neuronpedia, write_export
from autointerp.export import _neuronpedia_schema as schema
from autointerp.export import _neuronpedia_upload as upload

# the fields and their types as hijohnnylin/neuronpedia ebb8426 publishes them (db_models/*.py); + always written
PUBLISHED = {
    schema.FeatureLine: """
        +modelId str, +layer str, +index str, creatorId str?, +createdAt datetime, maxActApprox float?, hasVector
        bool, vector float[], vectorLabel str?, vectorDefaultSteerStrength float?, hookName str?,
        topkCosSimIndices int[], topkCosSimValues float[], neuron_alignment_indices int[],
        neuron_alignment_values float[], neuron_alignment_l1 float[], correlated_neurons_indices int[],
        correlated_neurons_pearson float[], correlated_neurons_l1 float[], correlated_features_indices int[],
        correlated_features_pearson float[], correlated_features_l1 float[], neg_str str[], neg_values float[],
        pos_str str[], pos_values float[], frac_nonzero float, freq_hist_data_bar_heights float[],
        freq_hist_data_bar_values float[], logits_hist_data_bar_heights float[], logits_hist_data_bar_values
        float[], decoder_weights_dist float[], sourceSetName str?""",
    schema.ActivationLine: """
        +id str, +tokens str[], +index str, +layer str, +modelId str, +maxValue float, +maxValueTokenIndex int,
        +minValue float, +values float[], +creatorId str, dataSource str?, dataIndex str?, dfaValues float[],
        dfaTargetIndex int?, dfaMaxValue float?, +createdAt datetime, lossValues float[], logitContributions
        str?, binMin float?, binMax float?, binContains float?, qualifyingTokenIndex int?, zIndices int[][]?,
        zValues float[]?""",
    schema.ExplanationLine: """
        +id str, +modelId str, +layer str, +index str, +description str, +authorId str, triggeredById str?,
        typeName str?, explanationModelName str?, notes str?, +createdAt datetime""",
    schema.SourceLine: """
        +id str, +modelId str, +setName str, +creatorId str, hasDashboards bool, inferenceEnabled bool,
        inferenceHosts str[], saelensConfig str?, saelensRelease str?, saelensSaeId str?, hfRepoId str?,
        hfFolderId str?, visibility str, defaultOfModelId str?, hasUmap bool, hasUmapLogSparsity bool,
        hasUmapClusters bool, num_prompts int?, num_tokens_in_prompt int?, dataset str?, notes str?, +createdAt
        datetime""",
    schema.SourceSetLine: """
        +modelId str, +name str, +creatorId str, hasDashboards bool, visibility str, description str, type str,
        creatorName str, urls str[], creatorEmail str?, releaseName str?, defaultOfModelId str?, defaultRange
        int, defaultShowBreaks bool, showDfa bool, showCorrelated bool, showHeadAttribution bool, showUmap bool,
        +createdAt datetime""",
    schema.ReleaseLine: """
        +name str, +description str, +creatorName str, +creatorId str, visibility str, isNewUi bool, featured
        bool, descriptionShort str?, urls str[], creatorEmail str?, creatorNameShort str?, defaultSourceSetName
        str?, defaultSourceId str?, defaultUmapSourceIds str[], +createdAt datetime""",
    schema.ModelLine: """
        +id str, instruct bool, +creatorId str, displayNameShort str, displayName str, tlensId str?, dimension
        int?, visibility str, defaultSourceSetName str?, defaultSourceId str?, inferenceEnabled bool, layers int,
        neuronsPerLayer int, +createdAt datetime, owner str, +updatedAt datetime, website str?""",
    # apps/webapp/app/api/feature/upload-batch/route.tsx
    upload.UploadBatch: "+modelId str, +source str, +features UploadFeature[]",
    upload.UploadFeature: """
        +index int, +density float, topLogits UploadLogit[]?, bottomLogits UploadLogit[]?, +explanations
        UploadExplanation[], +activations UploadActivation[]""",
    upload.UploadLogit: "+token str, +value float",
    upload.UploadExplanation: "+text str, methodName str?, modelName str?",
    upload.UploadActivation: """
        +tokens str[], +values float[], quantileMax float?, quantileMin float?, quantileFraction float?""",
}


def shape(schema: dict[str, Any]) -> str:
    """A JSON schema as it is written above."""
    if "anyOf" in schema:
        some, null = schema["anyOf"]
        assert null == {"type": "null"}
        return shape(some) + "?"
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if schema["type"] == "array":
        return shape(schema["items"]) + "[]"
    return {"string": "str", "number": "float", "integer": "int", "boolean": "bool"}[schema["type"]]


@pytest.mark.parametrize("model", list(PUBLISHED), ids=lambda model: model.__name__)
def test_every_field_is_as_published(model: type[BaseModel]):
    found = model.model_json_schema()
    fields = [
        f"{'+' if name in found.get('required', ()) else ''}{name} {shape(field)}"
        for name, field in found["properties"].items()
    ]
    assert fields == [" ".join(field.split()).replace("datetime", "str") for field in PUBLISHED[model].split(",")]
    assert found["additionalProperties"] is False


def imported(path: Path) -> list[dict[str, Any]]:
    """A file as ``importJsonlString`` takes it: NUL escapes become blanks before anything is parsed."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = raw.decode().replace("\\u0000", " ").strip().split("\n")
    return [json.loads(line) for line in lines if line.strip()]


@pytest.fixture
def exported(whole_run, label_row, tmp_path):
    refused = label_row(5, None, outcome="refused", verdict=None, reasoning=None)
    groups = {"top25": [2, 3], "random:3": [3, 5, 4]}
    run = whole_run(
        [label_row(2, "a"), label_row(3, "b"), label_row(4, "c", verdict="POLYSEMANTIC"), refused], groups=groups
    )
    return write_export(run, "neuronpedia", out=tmp_path / "np")


def test_the_files_lie_where_the_importer_looks(exported):
    source = exported / "pythia-70m" / "3-mine-2-abababab"
    assert sorted(str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()) == [
        "activations/batch-0.jsonl.gz", "explanations/batch-0.jsonl.gz", "features/batch-0.jsonl.gz", "model.jsonl",
        "release.jsonl", "source.jsonl", "sourceset.jsonl",
    ]  # fmt: skip
    lines = {path.stem: imported(path)[0] for path in source.glob("*.jsonl")}
    assert lines["source"]["id"] == source.name
    assert lines["source"]["modelId"] == lines["sourceset"]["modelId"] == lines["model"]["id"] == source.parent.name
    assert lines["source"]["setName"] == lines["sourceset"]["name"] == "mine-2-abababab"
    assert lines["sourceset"]["releaseName"] == lines["release"]["name"]
    assert (lines["source"]["num_prompts"], lines["source"]["num_tokens_in_prompt"]) == (40, 8)


def table(exported: Path, name: str) -> list[dict[str, Any]]:
    return imported(next(exported.glob(f"*/*/{name}/batch-0.jsonl.gz")))


def test_each_feature_comes_once_with_its_histogram(exported):
    features = table(exported, "features")
    assert [line["index"] for line in features] == ["2", "3", "5", "4"]
    assert [line["maxActApprox"] for line in features] == [3.0, 4.5, 7.5, 6.0]
    assert features[0]["frac_nonzero"] == 0.0004
    heights, values = features[0]["freq_hist_data_bar_heights"], features[0]["freq_hist_data_bar_values"]
    assert sum(heights) == 40
    assert heights[0] > 0 < heights[-1]
    assert values == sorted(values)
    assert 0.9 < values[0] < 1.2
    assert 37 < values[-1] < 43
    assert features[0]["pos_str"] == features[0]["neg_values"] == features[0]["vector"] == []


def test_contexts_that_fire_are_activations_in_the_bin_of_their_peak(exported):
    top, weak = (line for line in table(exported, "activations") if line["index"] == "3")
    assert top["tokens"] == ["def", " f", "(", ")"]
    assert top["values"] == [0.0, 0.0, 40.0, 0.0]
    assert (top["maxValue"], top["maxValueTokenIndex"], top["minValue"], top["qualifyingTokenIndex"]) == (
        40.0,
        2,
        0.0,
        2,
    )
    assert (top["binMin"], top["binMax"], top["binContains"]) == (-1.0, 4.5, -1.0)
    # windows 0 to 39 fire by 1 to 40: the deciles' edges are 1 + 3.9 i
    assert (weak["binMin"], weak["binMax"], weak["binContains"]) == (4.9, 8.8, 0.1)
    assert top["id"] != weak["id"]


def test_labels_are_explanations_and_a_missing_answer_is_none(exported):
    lines = table(exported, "explanations")
    assert [(line["index"], line["description"]) for line in lines] == [("2", "a"), ("3", "b"), ("4", "POLYSEMANTIC")]
    assert lines[0]["notes"].split("\n") == [
        "autointerp: labelled by rules, prompt rules@1",
        "all the same",
        "detection on held-out text: balanced accuracy 0.750 [0.600, 0.850]; verified: no",
    ]
    assert lines[1]["notes"].endswith("verified: yes")
    assert {line["typeName"] for line in lines} == {line["explanationModelName"] for line in lines} == {None}


def test_the_upload_has_the_same_within_its_bounds(whole_run, label_row, tmp_path):
    run = whole_run([label_row(3, "x" * 600)], tokens=["", "a"])
    (path,) = (write_export(run, "neuronpedia", out=tmp_path / "np") / "upload").iterdir()
    body = json.loads(path.read_text())
    (feature,) = upload.UploadBatch.model_validate(body).features
    assert (body["modelId"], body["source"]) == ("pythia-70m", "3-mine-2-abababab")
    assert [explanation.text for explanation in feature.explanations] == ["x" * 512]
    assert feature.density == pytest.approx(13 / 30_000, rel=1e-5)
    top, weak = feature.activations
    assert top.tokens == ["\u200b", "a"]
    assert (top.quantileMin, top.quantileMax, top.quantileFraction) == (None, None, None)
    assert (weak.quantileMin, weak.quantileMax, weak.quantileFraction) == (4.9, 8.8, 0.1)


def test_many_lines_go_into_many_files(whole_run, label_row, tmp_path, monkeypatch):
    assert (_neuronpedia.LINES_A_BATCH, upload.FEATURES_A_BATCH) == (1024, 128)
    monkeypatch.setattr(_neuronpedia, "LINES_A_BATCH", 3)
    monkeypatch.setattr(upload, "FEATURES_A_BATCH", 3)
    out = write_export(whole_run([label_row(i, "x") for i in range(1, 9)]), "neuronpedia", out=tmp_path / "np")
    for name, sizes in {"features": [3, 3, 2], "activations": [3] * 5 + [1], "explanations": [3, 3, 2]}.items():
        files = [next(out.glob(f"*/*/{name}/batch-{i}.jsonl.gz")) for i in range(len(sizes))]
        assert [len(imported(file)) for file in files] == sizes
    bodies = [json.loads((out / "upload" / f"batch-{i}.json").read_text()) for i in range(3)]
    assert [feature["index"] for body in bodies for feature in body["features"]] == list(range(1, 9))


@pytest.mark.parametrize("change", [{"maxValue": float("nan")}, {"index": 3}, {"another": 1}])
def test_a_line_that_is_not_of_the_schema_is_refused(exported, change):
    line = table(exported, "activations")[0]
    assert schema.ActivationLine.model_validate(line)
    with pytest.raises(ValidationError):
        schema.ActivationLine.model_validate(line | change)


def test_an_escape_that_stands_for_itself_survives_the_importers_replacement(tmp_path):
    text = "\\u0000 \\\\u0000 \\n"
    path = tmp_path / "line.jsonl"
    path.write_text(_neuronpedia.wire(upload.UploadExplanation(text=text)))
    assert imported(path) == [{"text": text, "methodName": None, "modelName": None}]


def test_a_run_that_does_not_name_its_inputs_is_refused(whole_run, label_row):
    run = whole_run([label_row(1, "x")])
    run.update(lambda manifest: setattr(manifest, "sae", None))
    with pytest.raises(UsageError, match="name its model"):
        write_export(run, "neuronpedia")
