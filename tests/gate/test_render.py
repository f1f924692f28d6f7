from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.gate import (
    Flip,
    GateResult,
    Noise,
    append_step_summary,
    compare,
    make_baseline,
    to_junit,
    to_markdown,
    write_junit,
)

HOSTILE = [
    "</script><img src=x onerror=alert(1)>", "| cell | break", "[link](javascript:alert(1))", "`code` *bold* _it_",
    "\x00\x1b[31m\u202eevil", "<!-- -->", "@everyone #1 https://example.com", "a\nb\r\nc", "\ud800", "]]>",
]  # fmt: skip
RESULT = GateResult(
    status="fail", reason="the rate fell", rate="verified", group="random:200", paired=True, n_old=200, k_old=156,
    n=200, k_new=140, delta=-0.08, low=-0.12, high=-0.04, upper_one_sided=-0.045, p_value=0.0004,
    minimum_detectable_effect=0.031, required_n=None, margin=0.05, min_rate=None, confidence=0.95, coverage_old=1.0,
    coverage_new=0.99, corresponding=1.0, untestable_old=0, untestable_new=0,
    lost=(Flip(3, "token 'a'", "POLYSEMANTIC"),), gained=(),
    noise=Noise(flip_rate=0.02, n=50), warnings=("Left out: 3.",),
)  # fmt: skip


def test_the_line_has_every_number():
    assert RESULT.verdict_line() == (
        "gate FAIL: the rate fell; verified rate of random:200: 78.0 % before, 70.0 % now, change -8.0 points "
        "(95 % interval -12.0 to -4.0, one-sided upper bound -4.5; p = 0.0004); 200 features paired; margin 5 points; "
        "smallest drop told from chance with 80 % power 3.1 points; A/A noise of the judge 2.0 % of 50 features."
    )


@pytest.mark.parametrize("status", ["pass", "fail", "incomplete"])
def test_the_line_is_the_same_everywhere(status):
    result = replace(RESULT, status=status)
    line = result.verdict_line()
    assert json.loads(result.to_json())["verdict"] == line
    assert line in to_markdown(result)
    case = ET.fromstring(to_junit(result)).find("testcase")
    assert case.find("system-out").text.splitlines()[0] == line
    problem = case.find({"fail": "failure", "incomplete": "error", "pass": "nothing"}[status])
    assert status == "pass" or (problem.get("message") == problem.text == line)


def test_junit_counts_what_ci_systems_read():
    counts = {
        status: (suite.get("failures"), suite.get("errors"))
        for status in ("pass", "fail", "incomplete")
        for suite in [ET.fromstring(to_junit(replace(RESULT, status=status)))]
    }
    assert counts == {"pass": ("0", "0"), "fail": ("1", "0"), "incomplete": ("0", "1")}


def test_json_holds_the_result():
    read = json.loads(RESULT.to_json())
    assert (read["schema_version"], read["exit_code"], read["delta"], read["noise"]) == (
        1,
        3,
        -0.08,
        {"flip_rate": 0.02, "n": 50},
    )
    assert read["lost"] == [{"feature": 3, "label_old": "token 'a'", "label_new": "POLYSEMANTIC"}]


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_are_only_text_in_markdown(label):
    text = to_markdown(replace(RESULT, lost=(Flip(1, label, label),)))
    row = next(line for line in text.splitlines() if line.startswith("| 1 |"))
    assert "<" not in row
    assert not re.search(r"(?<!\\)[\[\]`*_]", row)
    assert "://" not in row
    assert len([i for i, char in enumerate(row) if char == "|" and row[i - 1] != "\\"]) == 4
    assert row.isprintable()


@given(st.text(st.characters(codec=None) | st.sampled_from("\x00\x08\ufffe\ud800<&]>")))
def test_any_label_makes_well_formed_xml(label):
    root = ET.fromstring(to_junit(replace(RESULT, group=label, lost=(Flip(1, label, label),))))
    assert root.find("testcase").find("failure") is not None


def test_markdown_is_bounded():
    flips = tuple(Flip(i, "x" * 10_000, "y" * 10_000) for i in range(5_000))
    text = to_markdown(replace(RESULT, lost=flips, gained=flips))
    assert len(text) < 64_000
    assert "and 4950 more." in text
    assert "Lost: 5000" in text


def test_the_step_summary_is_appended_to_and_never_overfilled(tmp_path):
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    append_step_summary(RESULT, path)
    append_step_summary(RESULT, path)
    assert path.read_text() == "before\n" + 2 * to_markdown(RESULT)
    path.write_bytes(b"x" * (1024 * 1024 - 10))
    append_step_summary(RESULT, path)
    assert path.stat().st_size == 1024 * 1024 - 10


def test_a_junit_file_is_written(tmp_path):
    write_junit(RESULT, tmp_path / "reports" / "gate.xml")
    assert ET.parse(tmp_path / "reports" / "gate.xml").getroot().get("name") == "autointerp gate"


def test_a_real_comparison_renders(make_run, decoder, shares):
    baseline = make_baseline(make_run("old", shares(40, 30)), decoder)
    result = compare(make_run("new", [None] * 40), baseline)
    assert json.loads(result.to_json())["delta"] is None
    assert "gate INCOMPLETE" in to_markdown(result)
    assert "by construction" in compare(make_run("same", shares(40, 30)), baseline).verdict_line()
