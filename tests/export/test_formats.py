from __future__ import annotations

import json

import pytest

from autointerp.errors import UsageError
from autointerp.export import COLUMNS, FORMATS, write_export


def test_jsonl_keeps_types_and_order(make_run, label_row):
    rows = [label_row(0, "NA"), label_row(2, "a\u2028b</script>", cost_usd=None, confidence=5)]
    path = write_export(make_run(rows), "jsonl")
    lines = path.read_bytes().decode("ascii").splitlines()
    zero, two = map(json.loads, lines)
    assert tuple(zero) == COLUMNS
    assert (zero["label"], zero["selectivity"], zero["rank"], zero["cost_usd"]) == ("NA", None, None, 0.0)
    assert (two["label"], two["cost_usd"], two["confidence"]) == ("a\u2028b</script>", None, 5)
    assert two["top_tokens"] == ["self", " the"]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_each_format_has_its_own_file_or_the_one_asked_for(make_run, label_row, name, tmp_path):
    run = make_run([label_row(1, "x")])
    assert write_export(run, name) == run.path / f"labels.{name}"
    out = tmp_path / "elsewhere" / "out"
    assert write_export(run, name, out=out).read_bytes() == (run.path / f"labels.{name}").read_bytes()


def test_raw_reaches_the_csv(make_run, label_row):
    path = write_export(make_run([label_row(1, "=1")]), "csv", raw=True)
    assert ",=1," in path.read_text(encoding="utf-8")


def test_an_unknown_format_lists_the_known(make_run, label_row):
    with pytest.raises(UsageError, match="csv, jsonl"):
        write_export(make_run([label_row(1, "x")]), "xlsx")
