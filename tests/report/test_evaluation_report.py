"""The evaluation's page and Markdown."""

import json
import re

import pandas as pd
import pytest

from autointerp.errors import UsageError
from autointerp.evaluate import Estimate, Findings, Picture, Store, Stored, Table, new_figure, series
from autointerp.report import write_evaluation
from autointerp.run import CorpusInput, Manifest, ModelInput, RunDirectory, SAEInput

HOSTILE = "</td><script>window.hit=1</script>| [x](javascript:0) `a` $\\alpha$\u202e\n\x00"


@pytest.fixture
def run(tmp_path):
    """An evaluated run without machinery, with hostile text wherever text can stand."""
    run = RunDirectory(tmp_path / "run")
    run.write_manifest(
        Manifest(
            sae=SAEInput(path=HOSTILE, sha256="0" * 64, architecture="standard", d_in=4, d_sae=8),
            model=ModelInput(name="bundled", fingerprint="f", hook_point="h", weight_processing="raw"),
            corpus=CorpusInput(
                name="python", n_tokens=10, n_windows=1, context_length=8, prepend_bos=True, fingerprint="c"
            ),
        )
    )
    return run


def curve():
    figure, axes = new_figure()
    for number, look in zip(range(2), series(), strict=False):
        axes[0, 0].plot([1, 2], [number, 2], label=f"curve {number}", **look)
    axes[0, 0].legend()
    return figure


@pytest.fixture
def evaluated(run):
    found = Findings(notes=[HOSTILE])
    found.number("l0", Estimate(4.73, 0.04, 1000), "Features that fire. " + HOSTILE)
    found.number("unknown", Estimate(float("nan"), float("nan"), 0), "Not there.")
    found.tables["small"] = Table(pd.DataFrame({"token": [HOSTILE], "tops": [["a", "b"]], "x": [1.23456]}), HOSTILE)
    found.tables["long"] = Table(pd.DataFrame({"i": range(100)}), "Many rows.")
    found.pictures["one"] = Picture(curve(), HOSTILE, "First.")
    found.pictures["two"] = Picture(curve(), "Second", "Second.")
    Store.of(run).write(Stored(suite="core", title="Reconstruction", key={"n_tokens": 1000}), found)
    Store.of(run).write(
        Stored(suite="pareto", title="Fronts", key={"n_tokens": 10}, not_measurable="It needs several SAEs."), None
    )
    return run


def test_a_run_without_findings_is_a_usage_error(run):
    with pytest.raises(UsageError, match="nothing was evaluated here"):
        write_evaluation(run)


def test_hostile_text_stays_text(evaluated):
    page = write_evaluation(evaluated).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "default-src 'none'" in page
    markdown = (evaluated.path / "evaluate/report.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<", markdown)
    assert not re.search(r"(?<!\\)\]\(javascript", markdown)
    assert "\u202e" not in markdown


def test_the_page_asks_for_nothing(evaluated):
    page = write_evaluation(evaluated).read_text(encoding="utf-8")
    outside = [url for url in re.findall(r'(?:href|src)="([^"]+)"', page) if not url.startswith(("#", "core/"))]
    assert outside == []


def test_ids_differ_and_every_reference_has_its_target(evaluated):
    page = write_evaluation(evaluated).read_text(encoding="utf-8")
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    targets = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page)
    assert {one or other for one, other in targets} <= set(ids)


def test_figures_take_the_colour_of_the_page_and_files_exist(evaluated):
    page = write_evaluation(evaluated).read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    svg = (evaluated.path / "evaluate/core/one.svg").read_text()
    assert "currentColor" in svg
    assert "#123456" not in svg
    for name in re.findall(r'(?:href|src)="(core/[^"]+)"', page):
        assert (evaluated.path / "evaluate" / name).stat().st_size > 0


def test_long_tables_are_cut_and_say_so(evaluated):
    page = write_evaluation(evaluated).read_text(encoding="utf-8")
    assert "The first 40 of 100 rows" in page
    assert "<td><bdi>39</bdi></td>" in page
    assert "<td><bdi>40</bdi></td>" not in page


def test_numbers_stand_beside_their_errors_and_missing_ones_are_blank(evaluated):
    write_evaluation(evaluated)
    markdown = (evaluated.path / "evaluate/report.md").read_text(encoding="utf-8")
    assert "| l0 | 4.73 | 0.04 | 1000 |" in markdown
    assert "| unknown |  |  | 0 |" in markdown
    stored = json.loads((evaluated.path / "evaluate/core/findings.json").read_text())
    assert stored["numbers"][1]["value"] is None


def test_what_was_not_measured_says_why(evaluated):
    assert "It needs several SAEs." in write_evaluation(evaluated).read_text(encoding="utf-8")
