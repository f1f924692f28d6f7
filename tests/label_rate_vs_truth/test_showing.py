"""Tables and figure say what the rows say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.label_rate_vs_truth._figure import MARKS, draw, save
from benchmarks.label_rate_vs_truth._findings import KINDS, findings
from benchmarks.label_rate_vs_truth._tables import NAMES, all_tables, short_table


def test_the_short_table_has_a_line_a_kind(made_points: pd.DataFrame) -> None:
    lines = short_table(findings(made_points)).splitlines()
    names = [line.split("|")[1].strip() for line in lines[2:]]
    assert names == [*(NAMES[kind] for kind in KINDS), "AUROC, trained SAEs against null runs"]
    assert "| 50% [38, 62] |" in lines[2]
    assert lines[4].split("|")[4].strip() == "-"  # no robust rate of shuffled labels
    assert len({line.count("|") for line in lines}) == 1


def test_all_tables_are_rectangular_and_have_every_point(made_points: pd.DataFrame) -> None:
    text = all_tables(findings(made_points), made_points)
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert all(len({line.count("|") for line in block}) == 1 for block in blocks)
    assert len(blocks[-1]) == 2 + len(made_points)
    assert "nan" not in text
    assert "None" not in text


def test_the_figure_shows_every_sae_once_a_panel(made_points: pd.DataFrame) -> None:
    figure = draw(made_points)
    panels = figure.axes
    assert len(panels) == 9
    n_marks = sum(len(one.get_offsets()) for one in panels[0].collections)
    assert n_marks == 2 * len(KINDS) * (3 + 1)  # three SAEs of each model and their rate
    assert [label.get_text() for label in panels[0].get_yticklabels()] == [NAMES[kind] for kind in KINDS]
    assert [text.get_text() for text in panels[0].texts] == ["one", "two"]
    assert len({mark.marker for mark in MARKS}) == len(MARKS)


def test_the_same_rows_give_the_same_files(made_points: pd.DataFrame, tmp_path: Path) -> None:
    written = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        save(draw(made_points), tmp_path / name)
        written.append([(tmp_path / name / file).read_bytes() for file in ("figure.svg", "figure.png")])
    assert written[0] == written[1]
