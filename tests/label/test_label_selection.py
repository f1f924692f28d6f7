"""Groups of features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import autointerp
from autointerp.errors import UsageError
from autointerp.label import check_selection, select_features

N = 60


@pytest.fixture
def features() -> pd.DataFrame:
    rank = pd.array([pd.NA] * 5 + list(range(1, N - 4)), dtype="Int64")  # 5 features too rare to be ranked
    duplicate = pd.array([pd.NA] * N, dtype="Int64")
    duplicate[6] = 5
    return pd.DataFrame(
        {
            "feature": np.arange(N),
            "n_active": [3] * 5 + [100] * (N - 5),
            "rank": rank,
            "dead_never": [False] * (N - 1) + [True],
            "duplicate_of": duplicate,
        }
    )


def test_top_and_bottom_go_by_rank_and_leave_duplicates_to_their_representative(features: pd.DataFrame) -> None:
    selection = select_features(features, "top3,bottom2", seed=0)
    assert selection.groups == {"top3": [5, 7, 8], "bottom2": [59, 58]}
    assert "1 near-duplicates" in selection.notes[0]


def test_random_takes_live_features_only_and_is_seeded(features: pd.DataFrame) -> None:
    chosen = select_features(features, "random:200", seed=0)
    assert sorted(chosen.groups["random:200"]) == [5, *range(7, 59)]
    assert "only 53" in chosen.notes[-1]
    first = select_features(features, "random:10", seed=1).groups["random:10"]
    assert first == select_features(features, "random:10", seed=1).groups["random:10"]
    assert first != select_features(features, "random:10", seed=2).groups["random:10"]


def test_one_feature_less_changes_at_most_one_choice(features: pd.DataFrame) -> None:
    before = set(select_features(features, "random:20", seed=0).groups["random:20"])
    after = set(select_features(features[features["feature"] != 20], "random:20", seed=0).groups["random:20"])
    assert len(before - after) <= 1


def test_ids_are_taken_as_they_are(features: pd.DataFrame, tmp_path: Path) -> None:
    assert select_features(features, "ids:6|3|6", seed=0).groups == {"ids": [3, 6]}
    file = tmp_path / "ids.txt"
    file.write_text("17\n3, 5\n")
    assert select_features(features, f"ids:{file}", seed=0).groups == {"ids": [3, 5, 17]}
    file.write_text("17\n3\n", encoding="utf-8-sig")  # as a spreadsheet writes it
    assert select_features(features, f"ids:{file}", seed=0).groups == {"ids": [3, 17]}


@pytest.mark.parametrize(
    "spec",
    [
        "", "best25", "top", "top0", "random:", "random:x", "top5,top5", "top5,", "ids:", "ids:no_file", "ids:60",
        "top99999999999999999999", "ids:99999999999999999999", "ids:" + "1|" * 300, "ids:\x00", "ids:.",
    ],
)  # fmt: skip
def test_bad_specs_say_what_is_wrong(features: pd.DataFrame, spec: str) -> None:
    with pytest.raises(UsageError, match="--features"):
        select_features(features, spec, seed=0)


def test_a_file_with_words_is_refused(features: pd.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("3 x7\n")
    with pytest.raises(UsageError, match="'x7'"):
        select_features(features, f"ids:{file}", seed=0)
    file.write_bytes(b"3\xff7")
    with pytest.raises(UsageError, match="nor a file of ids"):
        select_features(features, f"ids:{file}", seed=0)


def test_a_line_that_can_not_be_read_is_refused_before_anything_is_looked_at(tmp_path: Path) -> None:
    for line, words in (("top5,best10", "'best10' is not a group"), ("top5,top5", "appears twice"), ("top0", "'top0'")):
        with pytest.raises(UsageError, match=words):
            autointerp.label(tmp_path / "nowhere", tmp_path / "run", features=line)
    assert not (tmp_path / "run").exists()


def test_a_line_is_checked_before_there_are_features(tmp_path: Path) -> None:
    check_selection("top5,random:3,ids:60")
    for spec in ("", "top5,top5", "ids:1,ids:2", "ids:no_file"):
        with pytest.raises(UsageError, match="--features"):
            check_selection(spec)
