"""Figures say what they should of labels that are known to be right and wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from autointerp.label import parse
from benchmarks.ground_truth._agreement import f1, rule_f1, rule_mask
from benchmarks.ground_truth._finding import Finding
from benchmarks.ground_truth._measure import share
from benchmarks.ground_truth._ranking import auc
from benchmarks.ground_truth._text import Text, Vocabulary
from benchmarks.ground_truth._truth import Planted
from benchmarks.ground_truth._wrong_labels import EXTRA, HALF, KINDS, MISSING, ONE_MORE, OTHER, wrong_labels


def finding(sort: str = "single", **fields: object) -> Finding:
    planted = Planted.model_validate({"feature": 0, "sort": sort, "mix": "", "noise": ""})
    known = {"is_inside": True, "label": "", "is_polysemantic": False, "f1": None, "verified": None, "robust": None}
    return Finding(planted, **(known | {"bottom_failed": None} | fields))  # type: ignore[arg-type]


def test_auc_is_the_chance_that_right_beats_wrong() -> None:
    assert auc([3.0, 4.0], [1.0, 2.0]) == 1
    assert auc([1.0, 1.0], [1.0]) == 0.5
    assert auc([0.0, 3.0], [1.0, 2.0]) == 0.5
    assert auc([0.0, None], [1.0]) == 0
    assert auc([None], [1.0]) is None


def test_a_rule_is_read_on_whole_windows(a_text: Callable[..., Text]) -> None:
    text = a_text([" a", "(", " b", ")"], [" b"])
    words = text._vocabulary
    assert isinstance(words, Vocabulary)
    found = rule_mask(parse("after '('"), text, words)
    assert found.tolist() == [[False, False, False, True, False], [False] * 5]
    assert rule_f1("token ' b'", text.here(lambda piece: piece == " b"), text, words, text.real) == 1
    assert rule_f1("token ' b'", found, text, words, text.real) == pytest.approx(2 / 3, abs=1e-4)
    assert rule_f1(None, found, text, words, text.real) is None
    assert f1(np.zeros(3, bool), np.zeros(3, bool)) == 0


def test_wrong_labels_are_wrong_as_named() -> None:
    dice = np.random.default_rng(0)
    a, b, c = np.split(np.eye(3, dtype=bool)[dice.integers(0, 3, 60_000)].T, 3)
    rare = {"a": a & (dice.random(a.shape) < 0.1), "b": b & (dice.random(a.shape) < 0.1), "c": c}
    counted = np.ones_like(a)
    found = wrong_labels(["a", "b"], ["c"], rare, counted, seed=1)
    right = rare["a"] | rare["b"]
    assert set(found) == set(KINDS)
    assert (found[OTHER] == c).all()
    assert (found[HALF] == rare["a"]).all()
    assert (found[ONE_MORE] == (right | c)).all()
    assert not (found[MISSING] & ~right).any()
    assert found[MISSING].sum() == pytest.approx(right.sum() / 2, rel=0.1)
    assert (found[EXTRA] & right).sum() == right.sum()
    assert found[EXTRA].sum() == pytest.approx(2 * right.sum(), rel=0.1)
    assert HALF not in wrong_labels(["a"], ["c"], rare, counted, seed=1)


def test_what_counts_as_right() -> None:
    assert finding(is_polysemantic=False).is_right
    assert not finding(is_polysemantic=True).is_right
    assert finding("union", is_polysemantic=True).is_right
    assert finding("noise", is_polysemantic=True).is_right
    assert finding(is_polysemantic=None).is_right is None


def test_what_counts_as_correct_and_as_caught() -> None:
    assert finding(f1=0.9).is_correct
    assert not finding(f1=0.89).is_correct
    assert finding(f1=None).is_correct is None
    assert not finding(is_polysemantic=True).is_correct
    assert finding("bottom", bottom_failed=True).is_caught
    assert finding("bottom", is_polysemantic=True).is_caught
    assert not finding("bottom", bottom_failed=False).is_caught


def test_shares_leave_missing_answers_out() -> None:
    found = share([True, False, None, True])
    assert (found["k"], found["n"], found["missing"]) == (2, 3, 1)
    assert share([])["share"] is None
