"""The verdict for pull requests and test reports."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from autointerp.gate._result import Flip, GateResult
from autointerp.run import markdown, visible, write_text

_MAX_FLIPS = 50
_MAX_LABEL_CHARS = 120
_SUMMARY_LIMIT_BYTES = 1024 * 1024


def to_markdown(result: GateResult) -> str:
    """The verdict for a pull request's page, at most some kilobytes; labels in it are only ever text."""
    lines = [f"### {markdown(result.verdict_line())}", ""]
    lines += [f"- {markdown(warning)}" for warning in result.warnings]
    for title, flips in _flips(result):
        lines += ["", f"{title}: {len(flips)}", "", "| feature | label before | label now |", "|---:|---|---|"]
        lines += [
            f"| {flip.feature} | {markdown(_short(flip.label_old))} | {markdown(_short(flip.label_new))} |"
            for flip in flips[:_MAX_FLIPS]
        ]
        if len(flips) > _MAX_FLIPS:
            lines += ["", f"and {len(flips) - _MAX_FLIPS} more."]
    return "\n".join(lines) + "\n"


def append_step_summary(result: GateResult, path: Path) -> None:
    """Append the verdict to a GitHub step summary (``$GITHUB_STEP_SUMMARY``), if the file's limit leaves room."""
    text = to_markdown(result).encode()
    with path.open("ab") as summary:
        if summary.tell() + len(text) <= _SUMMARY_LIMIT_BYTES:
            summary.write(text)


def to_junit(result: GateResult) -> str:
    """The verdict as a JUnit test suite of one case: passed, failed, or in error when incomplete."""
    failed, incomplete = result.status == "fail", result.status == "incomplete"
    counts = {"tests": "1", "failures": str(int(failed)), "errors": str(int(incomplete)), "skipped": "0"}
    suite = ET.Element("testsuite", {"name": "autointerp gate", **counts})
    name = visible(f"{result.rate} rate of {result.group}")
    case = ET.SubElement(suite, "testcase", {"classname": "autointerp.gate", "name": name})
    line = result.verdict_line()
    if result.status != "pass":
        problem = ET.SubElement(case, "failure" if failed else "error", {"message": line, "type": result.status})
        problem.text = line
    output = [line, *result.warnings]
    for title, flips in _flips(result):
        output += [
            f"{title}: feature {flip.feature}: {visible(_short(flip.label_old))} | {visible(_short(flip.label_new))}"
            for flip in flips
        ]
    ET.SubElement(case, "system-out").text = "\n".join(output)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def write_junit(result: GateResult, path: Path) -> None:
    """Write the verdict as a JUnit file, atomically."""
    write_text(path, to_junit(result))


def _flips(result: GateResult) -> list[tuple[str, tuple[Flip, ...]]]:
    return [(title, flips) for title, flips in (("Lost", result.lost), ("Gained", result.gained)) if flips]


def _short(label: str) -> str:
    return label if len(label) <= _MAX_LABEL_CHARS else label[: _MAX_LABEL_CHARS - 1] + "…"
