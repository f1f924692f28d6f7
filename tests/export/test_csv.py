from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autointerp.errors import UsageError
from autointerp.export import COLUMNS, read_labels_csv, write_labels_csv
from autointerp.export._csv import _without_guard, raw_text, safe_text

ANY_TEXT = st.text(st.characters(codec=None) | st.sampled_from("=+-@'\"\t\r\n\x00\x07,;\ud800\u202e\u2028 "))
DESIGNED = (
    "feature, group, label, verdict, outcome, confidence, n_active, density, mean_activation, max_activation, "
    "selectivity, rank, duplicate_of, top_tokens, reasoning, llm, prompt, cost_usd"
)


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_columns_are_the_contract(make_run, label_row):
    path = write_labels_csv(make_run([label_row(1, "token 'self'")]))
    assert path.read_bytes().split(b"\n")[0].decode() == DESIGNED.replace(" ", "")
    assert tuple(DESIGNED.split(", ")) == COLUMNS


def test_a_row_a_feature_per_group_in_the_manifests_order_also_without_an_answer(make_run, label_row):
    failed = label_row(3, None, outcome="refused", verdict=None, confidence=None, reasoning=None, cost_usd=None)
    groups = {"top25": [5, 3], "random:2": [3, 9]}
    run = make_run([failed, label_row(5, "after 'the'")], groups)
    rows = cells(write_labels_csv(run))
    assert [(row["group"], row["feature"]) for row in rows] == [
        ("top25", "5"), ("top25", "3"), ("random:2", "3"), ("random:2", "9"),
    ]  # fmt: skip
    assert [row["outcome"] for row in rows] == ["ok", "refused", "refused", ""]
    assert [row["label"] for row in rows] == ["after 'the'", "", "", ""]
    assert rows[1]["cost_usd"] == rows[1]["confidence"] == rows[1]["verdict"] == ""


def test_what_a_failed_answer_said_is_no_label(make_run, label_row):
    run = make_run([label_row(1, "half a la", outcome="truncated")])
    assert cells(write_labels_csv(run))[0]["label"] == ""


def test_a_polysemantic_verdict_is_the_label(make_run, label_row):
    run = make_run([label_row(1, "commas or names", verdict="POLYSEMANTIC")])
    assert cells(write_labels_csv(run))[0]["label"] == "POLYSEMANTIC"


def test_statistics_have_six_digits_and_nulls_are_empty(make_run, label_row):
    run = make_run([label_row(7, "x", cost_usd=0.1 + 0.2), label_row(0, "y"), label_row(4, "z")])
    seven, zero, four = cells(write_labels_csv(run))
    assert (seven["n_active"], seven["density"], seven["mean_activation"]) == ("17", "0.000566667", "7.1")
    assert (seven["selectivity"], seven["rank"], seven["cost_usd"]) == ("0.864198", "7", "0.30000000000000004")
    assert (zero["selectivity"], zero["rank"], zero["duplicate_of"]) == ("", "", "")
    assert four["duplicate_of"] == "3"


def test_the_bytes_are_the_same_each_time_and_lines_end_with_a_feed(make_run, label_row):
    run = make_run([label_row(1, "été"), label_row(2, "x")])
    first = write_labels_csv(run).read_bytes()
    assert write_labels_csv(run).read_bytes() == first
    assert b"\r" not in first
    assert "été".encode() in first
    assert first.endswith(b"\n")


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "'=1", '"=1', "\n=1", "＝1", '=HYPERLINK("http://x")'],
)
def test_no_cell_is_a_formula(text):
    assert safe_text(text) == "'" + text
    assert raw_text(text) == text


def test_what_is_an_escape_starts_no_formula_and_needs_no_guard():
    assert safe_text("\r=1") == "\\x0d=1"


@pytest.mark.parametrize("text", ["token 'self'", "a=b", "ends in -ing", "'the'", "", "NA", "1-2"])
def test_harmless_text_is_left_alone(text):
    assert safe_text(text) == raw_text(text) == text


def test_what_nobody_sees_is_shown():
    assert safe_text("a\x00b\rc\x1b[31m\x85\ud800") == "a\\x00b\\x0dc\\x1b[31m\\x85\\ud800"
    assert raw_text("a\x00b\rc\x1b\x85\ud800") == "a\\x00b\\x0dc\x1b\x85\\ud800"
    assert safe_text("two\nlines\tand a tab") == "two\nlines\tand a tab"


@given(ANY_TEXT)
@example("'=1")
@example("''")
def test_the_guard_comes_off_again(text):
    visible = safe_text("x" + text)[1:]
    assert _without_guard(safe_text(visible)) == visible


@given(st.lists(ANY_TEXT, min_size=1, max_size=4), st.booleans())
@example(["NA", "null", "nan", ""], False)
@example(["a\rb", '"', ",", "\n"], True)
def test_any_text_survives_both_readers(tmp_path_factory, texts, raw):
    as_written = raw_text if raw else safe_text
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["h", "i"], *[[as_written(text), "1"] for text in texts]])
    with path.open(encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file)][1:] == [as_written(text) for text in texts]
    read = pd.read_csv(path, keep_default_na=False, dtype=str)
    assert list(read["h"]) == [as_written(text) for text in texts]


HOSTILE = ["NA", "null", "=1+1", "a\nb", 'q"u,ote', "</script>", "None", "-", "'=x"]


@pytest.mark.parametrize("raw", [False, True])
def test_a_whole_file_round_trips(make_run, label_row, raw):
    run = make_run([label_row(i, text, reasoning=text) for i, text in enumerate(HOSTILE)])
    frame = read_labels_csv(write_labels_csv(run, raw=raw, path=run.path / "out.csv"), raw=raw)
    assert list(frame["label"]) == list(frame["reasoning"]) == HOSTILE
    assert list(frame["feature"]) == list(range(len(HOSTILE)))
    assert list(frame["rank"].isna()) == [True] + [False] * (len(frame) - 1)
    assert frame["top_tokens"].iloc[0] == ["self", " the"]


def test_top_tokens_stay_json_whatever_they_are(make_run, label_row):
    tokens = ["=", "\x00", "\x85", "\n", '"', "é", "NA"]
    run = make_run([label_row(1, "x")], top_tokens=tokens)
    cell = cells(write_labels_csv(run))[0]["top_tokens"]
    assert json.loads(cell) == tokens
    assert "é" in cell
    assert read_labels_csv(run.labels_csv)["top_tokens"].iloc[0] == tokens


def test_an_error_leaves_the_old_file(make_run, label_row, monkeypatch):
    run = make_run([label_row(1, "old")])
    before = write_labels_csv(run).read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("autointerp.run._atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_labels_csv(run, raw=True)
    assert run.labels_csv.read_bytes() == before
    assert not list(run.path.glob("*.tmp"))
    assert not list(run.path.glob(".*.tmp"))


def test_no_features_make_a_header(make_run):
    assert len(read_labels_csv(write_labels_csv(make_run([], {"random:0": []})))) == 0


@pytest.mark.parametrize("missing", ["labels", "features"])
def test_a_run_without_labels_says_what_to_do(make_run, label_row, missing):
    run = make_run([label_row(1, "x")])
    getattr(run, missing).unlink()
    with pytest.raises(UsageError, match="autointerp label"):
        write_labels_csv(run)


def test_a_run_without_groups_says_so(make_run, label_row):
    run = make_run([label_row(1, "x")])
    run.update(lambda manifest: manifest.config.clear())
    with pytest.raises(UsageError, match="no features are selected"):
        write_labels_csv(run)


@pytest.mark.parametrize("content", ["feature,label\n1,x\n", "", ",".join(COLUMNS) + "\n" + "x" + "," * 17 + "\n"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_text(content)
    with pytest.raises(UsageError, match="labels"):
        read_labels_csv(path)
