"""JUnit and Markdown: who passed, who failed, who was never heard."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autointerp.errors import UsageError
from autointerp.export import write_export
from autointerp.export._verdicts import rate_text


@pytest.fixture
def run(whole_run, label_row):
    labels = [
        label_row(1, "right"),
        label_row(2, "wrong"),
        label_row(3, "many", verdict="POLYSEMANTIC"),
        label_row(4, None, outcome="refused", verdict=None, reasoning=None),
    ]
    return whole_run(labels, groups={"top25": [1, 2], "random:3": [3, 4, 9]})


EXPECTED = {
    1: ("passed", "verified: balanced accuracy 0.750 [0.600, 0.850] on held-out text"),
    2: ("failed", "not verified: balanced accuracy 0.750 [0.600, 0.850] on held-out text"),
    3: ("failed", "polysemantic"),
    4: ("error", "no label: refused"),
    9: ("skipped", "not asked yet"),
}
ELEMENTS = {"failed": "failure", "error": "error", "skipped": "skipped"}


def test_junit_has_a_suite_a_group_and_a_case_a_feature(run):
    top, random = ET.parse(write_export(run, "junit")).getroot()
    assert dict(top.attrib) == {"name": "top25", "tests": "2", "failures": "1", "errors": "0", "skipped": "0"}
    assert dict(random.attrib) == {"name": "random:3", "tests": "3", "failures": "1", "errors": "1", "skipped": "1"}
    assert [dict(entry.attrib) for entry in top.iter("property")] == [
        {"name": "label", "value": "1 of 2, 50.0 % [9.4 %, 90.5 %]"}
    ]
    cases = [*top.iter("testcase"), *random.iter("testcase")]
    assert [case.get("name") for case in cases] == [f"feature {i}" for i in EXPECTED]
    for case, (state, why) in zip(cases, EXPECTED.values(), strict=True):
        problems = [(child.tag, child.get("message")) for child in case if child.tag != "system-out"]
        assert problems == ([(ELEMENTS[state], why)] if state in ELEMENTS else [])
    assert cases[0].findtext("system-out") == f"label: right\nverdict: {EXPECTED[1][1]}\nreasoning: all the same"


def test_markdown_has_the_rates_and_a_row_a_feature(run, cells):
    text = write_export(run, "markdown").read_text()
    assert text.startswith("# named\n")
    rows = cells(text)
    assert ["random:3", "label", "1 of 2, 50.0 % [9.4 %, 90.5 %]"] in rows
    found = {int(row[0]): tuple(row[2:]) for row in rows if row[0].isdigit()}
    assert found == EXPECTED


def test_without_scores_a_label_passes_and_the_rates_are_missed(run, cells):
    run.scores.unlink()
    run.summary.unlink()
    rows = cells(text := write_export(run, "markdown").read_text())
    assert ["1", "right", "passed", "labelled, not scored"] in rows
    assert "Not scored yet." in text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"outcome": "filtered"}, ("error", "no score: filtered")),
        ({"balanced_accuracy": None, "verified": False}, ("failed", "not verified: not enough held-out text")),
    ],
)
def test_a_label_that_was_not_judged_does_not_pass(run, cells, change, why):
    table = pq.read_table(run.scores)
    rows = [row | change if row["feature"] == 1 else row for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), run.scores)
    assert ["1", "right", *why] in cells(write_export(run, "markdown").read_text())


def test_a_broken_summary_is_named(run):
    run.summary.write_text("{")
    with pytest.raises(UsageError, match="Score the run again"):
        write_export(run, "junit")


def test_a_rate_over_nothing_has_no_share():
    assert rate_text({"k": 0, "n": 0, "rate": None, "low": 0.0, "high": 1.0}) == "0 of 0"
