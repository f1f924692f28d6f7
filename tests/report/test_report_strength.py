"""The curve over deciles, and scorers beside their floors."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from autointerp.report import write_report
from autointerp.report._strength import strength_views

GROUP = "random:3"


def share(k: int, n: int) -> dict[str, Any]:
    return {"k": k, "n": n, "rate": k / n if n else None, "low": max(0, k / n - 0.1) if n else 0.0, "high": 1.0}


def mean_of(value: float | None, n: int = 2) -> dict[str, Any]:
    return {"mean": value, "low": value, "high": value, "n": n if value is not None else 0}


@pytest.fixture
def measured() -> dict[str, Any]:
    """What a group of the summary has more since there are several scorers."""
    hits = [0, 1, 2, 3, 4, 5, 6, 7, 8, None]
    return {
        "detection": {**mean_of(0.71), "floor": 0.505},
        "deciles": [{"decile": f"d{i}", **share(k or 0, 0 if k is None else 8)} for i, k in enumerate(hits)],
        "below_10pct_of_max": share(1, 4),
        "specificity": {"random": share(15, 16), "hard": share(12, 16)},
        "bottom_decile": {
            "pass_rate": None, "k": 0, "n": 0, "low": 0.0, "high": 1.0,
            "applied": {"verified": share(6, 8), "robust": share(2, 8), "lost": share(4, 6)},
        },
        "floors": {"none": 0.5, "token_identity": mean_of(0.66), "position": mean_of(0.49)},
        "scorers": {
            "fuzzing": {"outcomes": {"ok": 2}, "ba": mean_of(0.83), "chance": 0.5, "token": mean_of(0.61)},
            "intruder": {"outcomes": {"not_available": 2}, "accuracy": mean_of(None), "chance": 0.2,
                         "token": mean_of(0.4)},
            "simulation": {
                "outcomes": {"ok": 2}, "pearson": mean_of(0.44), "r2": mean_of(0.12), "chance": 0.0,
                "token": mean_of(0.3),
            },
        },
    }  # fmt: skip


@pytest.fixture
def html(make_run, measured: dict[str, Any]) -> str:
    run = make_run()
    summary = json.loads(run.summary.read_text())
    summary["groups"][GROUP] |= measured
    run.summary.write_text(json.dumps(summary))
    return write_report(run).read_text(encoding="utf-8")


def test_the_curve_goes_through_the_recalls(html: str) -> None:
    curve = re.search(r'<svg class="curve".*?</svg>', html, re.DOTALL)[0]
    points = [tuple(map(float, one.split(","))) for one in re.search('points="([^"]+)"', curve)[1].split()]
    assert len(points) == 9, "the decile without contexts is left out"
    assert points[0] == (34.0, 108.0)
    assert points[4] == (114.0, 58.0)
    assert points[8] == (194.0, 8.0)
    assert [float(x) for x in re.findall('circle cx="([0-9.]+)"', curve)] == [x for x, _ in points]
    assert 'class="alarms" x1="30" y1="83.0"' in curve, "12 of 16 left alone: alarms at 25 %"
    heights = [float(one) for one in re.findall('height="([0-9.]+)"', curve)]
    assert heights[0] == 100.0
    assert heights[8] == 10.0
    assert "<title>d4: 4 of 8, 40% to 100%</title>" in curve
    assert 'aria-label="Recall by decile. d0: 0 of 8' in curve


def test_what_the_check_takes_away_is_said(html: str) -> None:
    text = re.sub(r"(\s*<[^>]+>\s*)+", " ", html)
    for words in ("75.0 % 6 of 8", "25.0 % 2 of 8", "66.7 % 4 of 6", "93.8 % 15 of 16", "25.0 % 1 of 4"):
        assert words in text


def test_every_scorer_stands_beside_its_floors(html: str) -> None:
    rows = [re.sub(r"(\s*<[^>]+>\s*)+", "|", line) for line in html.splitlines() if line.startswith("<tr><td><bdi>")]
    found = [row for row in rows if re.match(r"\|random:3\|(detection|fuzzing|intruder|simulation)\|", row)]
    assert found == [
        "|random:3|detection|balanced accuracy|2|0.71|0.71 to 0.71|0.5|0.66|0.49|",
        "|random:3|fuzzing|balanced accuracy|2|0.83|0.83 to 0.83|0.5|0.61|n/a|",
        "|random:3|intruder|accuracy|0|n/a|n/a to n/a|0.2|0.4|n/a|",
        "|random:3|simulation|correlation|2|0.44|0.44 to 0.44|0|0.3|n/a|",
        "|random:3|simulation|R²|2|0.12|0.12 to 0.12|0|n/a|n/a|",
    ]


def test_a_summary_without_deciles_has_no_curve(make_run) -> None:
    html = write_report(make_run()).read_text(encoding="utf-8")
    assert 'class="curve"' not in html
    assert "Scorers and floors" not in html


def test_groups_without_a_score_have_no_curve(measured: dict[str, Any]) -> None:
    nobody = [{"decile": f"d{i}", **share(0, 0)} for i in range(10)]
    assert strength_views({"groups": {"a": measured | {"deciles": nobody}}}) == []
    silent = measured | {"specificity": {"random": share(0, 0), "hard": share(0, 0)}}
    (found,) = strength_views({"groups": {"a": silent}})
    assert found.y_alarms is None
