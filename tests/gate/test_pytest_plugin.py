"""The plugin, in a test suite of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autointerp.gate import make_baseline

pytest_plugins = ["pytester"]


@pytest.fixture
def suite(pytester, make_run, decoder, shares):
    """A suite beside two runs: 150 and 100 of 200 features verified; 'old' is also the baseline."""
    runs = {"old": make_run("old", shares(200, 150)), "new": make_run("new", shares(200, 100))}
    file = Path(runs["old"].path).parent / "baseline.json"
    file.write_text(make_baseline(runs["old"], decoder).model_dump_json(), encoding="utf-8")
    paths = {name: str(run.path) for name, run in runs.items()} | {"baseline": str(file)}

    def run(*tests: str):
        # by name: a checkout that is only on the path has no entry points
        pytester.makepyfile("import pytest\nPATHS = " + json.dumps(paths) + "\n" + "\n".join(tests))
        return pytester.runpytest_inprocess("-p", "autointerp.pytest_plugin", "--strict-markers", "-q")

    return run


def test_a_drop_fails_with_the_gates_own_line(suite):
    result = suite(
        "OLD, NEW, BASELINE = PATHS['old'], PATHS['new'], PATHS['baseline']",
        "def test_same(autointerp): assert autointerp.assert_no_worse(OLD, baseline=BASELINE).n == 200",
        "def test_worse(autointerp): autointerp.assert_no_worse(NEW, baseline=BASELINE)",
        "def test_allowed(autointerp): autointerp.assert_no_worse(NEW, baseline=BASELINE, margin=0.3)",
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*gate FAIL: the rate fell*"])


def test_the_marker_gives_what_calls_leave_out(suite):
    result = suite(
        "@pytest.mark.autointerp(run=PATHS['new'], baseline=PATHS['baseline'], margin=0.3)",
        "def test_marked(autointerp):",
        "    autointerp.assert_no_worse()",
        "    assert autointerp.assert_rate(at_least=0.45) == 0.5",
        "    autointerp.assert_rate(PATHS['old'], at_least=0.7)",
    )
    result.assert_outcomes(passed=1)


def test_a_rate_fails_beyond_chance_only(suite):
    result = suite(
        "def test_within(autointerp): autointerp.assert_rate(PATHS['new'], at_least=0.52)",
        "def test_beyond(autointerp): autointerp.assert_rate(PATHS['new'], at_least=0.6)",
        "def test_none(autointerp): autointerp.assert_rate(PATHS['new'], at_least=0.6, group='top25')",
        "def test_nothing(autointerp): autointerp.assert_rate(at_least=0.6)",
    )
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(
        ["*50.0 % (100 of 200), is below 60.0 %*", "*no group top25*", "*name a run directory*"]
    )


def test_a_run_with_too_few_answers_fails(suite, make_run):
    run = make_run("gaps", [True] * 100 + [None] * 100)
    result = suite(f"def test_gaps(autointerp): autointerp.assert_rate({str(run.path)!r}, at_least=0.1)")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*only 50% have an answer*"])
