from __future__ import annotations

import json
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from autointerp import verbs
from autointerp.cli._export import export
from autointerp.errors import UsageError
from autointerp.export import COLUMNS, FORMATS, Request, write_export
from sae import SAEError


def test_jsonl_keeps_types_and_order(make_run, label_row):
    rows = [label_row(0, "NA"), label_row(2, "a\u2028b</script>", cost_usd=None, confidence=5)]
    path = write_export(make_run(rows), "jsonl")
    lines = path.read_bytes().decode("ascii").splitlines()
    zero, two = map(json.loads, lines)
    assert tuple(zero) == COLUMNS
    assert (zero["label"], zero["selectivity"], zero["rank"], zero["cost_usd"]) == ("NA", None, None, 0.0)
    assert (two["label"], two["cost_usd"], two["confidence"]) == ("a\u2028b</script>", None, 5)
    assert two["top_tokens"] == ["self", " the"]


def written(path: Path) -> dict[str, bytes]:
    """A file, or every file of a folder."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return {file.name if path.is_dir() else "": file.read_bytes() for file in files}


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"delphi"}))
def test_each_format_has_its_own_place_or_the_one_asked_for(whole_run, label_row, name, tmp_path):
    run = whole_run([label_row(1, "x")])
    assert write_export(run, name) == run.path / FORMATS[name].usual_name
    out = tmp_path / "elsewhere" / "out"
    first = written(write_export(run, name, out=out))
    assert first == written(run.path / FORMATS[name].usual_name)
    assert written(write_export(run, name, out=out)) == first


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_each_format_says_what_a_run_without_labels_lacks(whole_run, label_row, name, tmp_path):
    run = whole_run([label_row(1, "x")])
    run.labels.unlink()
    with pytest.raises(UsageError, match="autointerp label"):
        write_export(run, name, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_raw_reaches_the_csv(make_run, label_row):
    path = write_export(make_run([label_row(1, "=1")]), "csv", request=Request(raw=True))
    assert ",=1," in path.read_text(encoding="utf-8")


def test_an_unknown_format_lists_the_known(make_run, label_row):
    with pytest.raises(UsageError, match="csv, jsonl, neuronpedia, hf, junit, markdown, delphi"):
        write_export(make_run([label_row(1, "x")]), "xlsx")


def test_the_command_line_knows_every_format():
    assert set(FORMATS) <= set(get_args(get_type_hints(export)["format"]))


def test_the_verb_writes_and_names_what_it_wrote(whole_run, label_row, tmp_path):
    run = whole_run([label_row(1, "x")])
    assert verbs.export(run.path, "junit", out=tmp_path / "x.xml") == tmp_path / "x.xml"
    with pytest.raises(SAEError, match="Mine 2"):
        verbs.export(run.path, "delphi", out=tmp_path / "cache")
    assert [entry.name for entry in tmp_path.iterdir() if "cache" in entry.name] == []
