"""Labelers that see only the strongest contexts, and what exchanged labels count as."""

from __future__ import annotations

import pytest

from autointerp.harvest import Context
from autointerp.label import MONOSEMANTIC, POLYSEMANTIC, Rule, label_by_rules, rule_fires
from autointerp.score import ScoreRow
from benchmarks.label_rate_vs_truth._labelers import always, strongest
from benchmarks.label_rate_vs_truth._points import Verdicts, shuffled


def a_context(token: str, stratum: str) -> Context:
    is_positive = not stratum.startswith("negative")
    return Context(
        feature=3, split="explain", stratum=stratum, rank=0, window=0, position=2, token_ids=(5, 6),
        tokens=(" a", token), activations=(0.0, 1.0 if is_positive else 0.0), peak=1, document="",
    )  # fmt: skip


def test_it_names_what_most_of_the_strongest_share() -> None:
    strongest = [a_context(token, "top") for token in ("x", "y", "y", "z")]
    weak = [a_context("x", f"d{i}") for i in range(5)]
    row = always(3, [*strongest, *weak, a_context("y", "negative_hard")])
    assert (row.outcome, row.verdict, row.label) == ("ok", MONOSEMANTIC, "token 'y'")
    assert rule_fires(Rule.from_json(row.rule or ""), [strongest[0], strongest[1]]) == [False, True]


def test_of_equal_tokens_it_names_one_whatever_their_order() -> None:
    contexts = [a_context(token, "top") for token in "edcba"]
    assert always(3, contexts).label == always(3, contexts[::-1]).label == "token 'a'"


def test_weak_contexts_do_not_trouble_the_one_that_sees_only_the_strongest() -> None:
    contexts = [
        *(a_context("x", "top") for _ in range(10)),
        *(a_context(token, f"d{i}") for i, token in enumerate("abcdefgh")),
        *(a_context("x", "negative_hard") for _ in range(10)),
        *(a_context(token, "negative_random") for token in "klmnopqrst"),
    ]
    assert strongest(3, contexts).label == "token 'x'"
    assert label_by_rules(3, contexts).verdict == POLYSEMANTIC


def test_a_feature_that_hardly_fires_has_no_answer() -> None:
    row = always(3, [a_context("x", "top")] * 4 + [a_context("x", "negative_random")] * 9)
    assert (row.outcome, row.verdict) == ("error", None)


@pytest.mark.parametrize(
    ("label", "null", "expected"),
    [
        (True, True, Verdicts(label=True, verified=True, robust=None)),
        (True, None, Verdicts(label=True, verified=None, robust=None)),
        (False, None, Verdicts(label=False, verified=False, robust=None)),
        (None, None, Verdicts(label=None, verified=None, robust=None)),
    ],
)
def test_another_features_label_leaves_the_label_rate_as_it_is(
    label: bool | None, null: bool | None, expected: Verdicts
) -> None:
    row = ScoreRow(3, "ok", scored=True, verified=True, shuffled_verified=null)
    assert shuffled(label, row) == expected
