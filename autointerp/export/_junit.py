"""``--format junit``: the run's verdicts as CI systems show tests."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

from autointerp.export._verdicts import FeatureVerdict, State, feature_verdicts, rate_text
from autointerp.run import RunDirectory, visible, write_text
from autointerp.score import load_summary

_ELEMENT = {State.FAILED: "failure", State.ERROR: "error", State.SKIPPED: "skipped"}


def write_run_junit(run: RunDirectory, path: Path) -> Path:
    r"""Write a JUnit file: a test suite a group, a test case a selected feature, the group's rates as properties.

    What XML can't hold, and what nobody would see, is written as an escape (``\u202e``).

    Args:
        run: A labelled run; without scores a label alone passes.
        path: The file.

    Returns:
        The file; on an error the old one is intact.

    Raises:
        UsageError: The run has no labels.
    """
    suites = ET.Element("testsuites", {"name": "autointerp"})
    groups = load_summary(run).get("groups", {})
    for name, verdicts in groupby(feature_verdicts(run), key=lambda verdict: verdict.record.group):
        suites.append(_suite(name, list(verdicts), groups.get(name, {}).get("rates", {})))
    ET.indent(suites)
    write_text(path, '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n")
    return path


def _suite(group: str, verdicts: list[FeatureVerdict], rates: dict[str, dict[str, float]]) -> ET.Element:
    count = [verdict.state for verdict in verdicts].count
    suite = ET.Element(
        "testsuite",
        {
            "name": visible(group),
            "tests": str(len(verdicts)),
            "failures": str(count(State.FAILED)),
            "errors": str(count(State.ERROR)),
            "skipped": str(count(State.SKIPPED)),
        },
    )
    if rates:
        properties = ET.SubElement(suite, "properties")
        for name, rate in rates.items():
            ET.SubElement(properties, "property", {"name": name, "value": rate_text(rate)})
    for verdict in verdicts:
        _case(suite, group, verdict)
    return suite


def _case(suite: ET.Element, group: str, verdict: FeatureVerdict) -> None:
    """A case is named after the feature alone, so that CI knows it again when its label changes."""
    record = verdict.record
    name = f"feature {record.feature}"
    case = ET.SubElement(suite, "testcase", {"classname": f"autointerp.{visible(group)}", "name": name})
    if verdict.state in _ELEMENT:
        ET.SubElement(case, _ELEMENT[verdict.state], {"message": visible(verdict.why)})
    said = {"label": record.label, "verdict": verdict.why, "reasoning": record.reasoning}
    ET.SubElement(case, "system-out").text = "\n".join(f"{key}: {visible(text)}" for key, text in said.items() if text)
