"""Planted meanings are found and named; unions and noise are not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from label_planted import Fires, a_context, a_noise_feature, plant

from autointerp.label import POLYSEMANTIC, Rule, label_by_rules, parse, rule_fires
from autointerp.label._rules import search

MEANINGS: dict[str, Fires] = {
    "word 'self'": lambda tokens, i: tokens[i].strip() == "self",
    "token ' ='": lambda tokens, i: tokens[i] == " =",
    "any digits": lambda tokens, i: tokens[i].strip().isdigit(),
    "any indentation": lambda tokens, i: tokens[i].startswith("\n "),
    "token ending in 'ing'": lambda tokens, i: tokens[i].endswith("ing"),
    "after 'self'": lambda tokens, i: i > 0 and tokens[i - 1].strip() == "self",
    "before '('": lambda tokens, i: i + 1 < len(tokens) and tokens[i + 1] == "(",
    "two after '('": lambda tokens, i: i > 1 and tokens[i - 2] == "(",
    "word 'self' after '('": lambda tokens, i: i > 0 and tokens[i].strip() == "self" and tokens[i - 1] == "(",
    "in first 4 positions": lambda _, i: i < 4,
}


def explained(fires: Fires, feature: int = 1) -> list:
    return [context for context in plant(feature, fires) if context.split == "explain"]


@pytest.mark.parametrize("label", MEANINGS)
def test_a_planted_meaning_is_named(label: str) -> None:
    row = label_by_rules(1, explained(MEANINGS[label]))
    assert (row.outcome, row.verdict, row.label) == ("ok", "MONOSEMANTIC", label)
    assert row.rule is not None
    assert parse(row.label) == Rule.from_json(row.rule)


@pytest.mark.parametrize("label", MEANINGS)
def test_the_rule_holds_on_the_other_split(label: str) -> None:
    contexts = plant(1, MEANINGS[label])
    held_out = [context for context in contexts if context.split == "score"]
    rule = parse(label_by_rules(1, [context for context in contexts if context.split == "explain"]).label)
    assert rule_fires(rule, held_out) == [context.is_positive for context in held_out]


@pytest.mark.parametrize("feature", range(3))
def test_a_union_of_unrelated_meanings_is_polysemantic(feature: int) -> None:
    row = label_by_rules(
        feature, explained(lambda tokens, i: tokens[i] in (" =", " walked", "é") or tokens[i] == " Paris", feature)
    )
    assert (row.outcome, row.label, row.rule) == ("ok", POLYSEMANTIC, None)
    assert "peaks" in row.reasoning


@pytest.mark.parametrize("feature", range(3))
def test_noise_is_polysemantic(feature: int) -> None:
    contexts = [context for context in a_noise_feature(feature) if context.split == "explain"]
    assert label_by_rules(feature, contexts).label == POLYSEMANTIC


def test_reasoning_counts_and_evidence_points_to_hits() -> None:
    contexts = explained(MEANINGS["any digits"])
    row = label_by_rules(1, contexts)
    n = sum(context.is_positive for context in contexts)
    assert f"holds at {n} of {n} peaks (100 % of the energy), at 0 of 20 negatives" in row.reasoning
    assert [contexts[number - 1].is_positive for number in row.evidence] == [True] * n


def test_a_meaning_of_the_top_alone_is_no_label() -> None:
    top = [a_context([" b", " =", " c"], 1, stratum="top")] * 20
    weak = [a_context([" b", f" w{i}", " c"], 1, stratum=f"d{i}") for i in range(3)]
    silent = [a_context([" b", " d", " c"], 1, stratum="negative_random")] * 10
    assert label_by_rules(1, [*top, *weak, *silent]).label == POLYSEMANTIC
    assert label_by_rules(1, [*top, *silent]).label == "token ' ='"


def test_a_label_is_about_where_most_of_the_energy_is() -> None:
    strong = [a_context([" b", " =", " c"], 1, stratum="d9")] * 4
    weak = [a_context([" b", f" w{i}", " c"], 1, stratum="d0") for i in range(8)]
    faint = [replace(one, activations=(0.0, 0.2, 0.0)) for one in weak]
    silent = [a_context([" b", " d", " c"], 1, stratum="negative_random")] * 10
    assert label_by_rules(1, [*strong, *faint, *silent]).label == "token ' ='"
    assert label_by_rules(1, [*strong, *weak, *silent]).label == POLYSEMANTIC


def test_a_rule_that_holds_wherever_the_token_stands_is_no_label() -> None:
    firing = [a_context([" b", " =", " c"], 1)] * 10
    other = [a_context([" b", " d", " c"], 1, stratum="negative_random")] * 10
    off = [a_context([" b", " =", " c"], 1, stratum="negative_hard")] * 10
    assert label_by_rules(1, [*firing, *other]).label == "token ' ='"
    assert label_by_rules(1, [*firing, *other, *off]).label == POLYSEMANTIC


def test_a_pair_must_be_clearly_better() -> None:
    firing = [a_context([" b", "(", " self", " c"], 2)] * 30
    other = [a_context([" b", " d", " e", " c"], 2, stratum="negative_random")] * 30
    rare = [a_context([" b", " d", " self", " c"], 2, stratum="negative_random")]
    assert label_by_rules(1, [*firing, *other, *rare]).label == "token ' self'"
    assert label_by_rules(1, [*firing, *other, *rare * 10]).label == "after '('"


def test_tokens_are_listed_only_with_something_in_common() -> None:
    silent = [a_context([" b", " d", " c"], 1, stratum="negative_random")] * 10 + [
        a_context([" b", ":", " c"], 1, stratum="negative_hard")
    ] * 10
    marks = [a_context([" b", mark, " c"], 1) for mark in (",", ".", ";") for _ in range(4)]
    words = [a_context([" b", word, " c"], 1) for word in (" apple", " stone", "xyz") for _ in range(4)]
    two_after = [a_context([" q", " d", " c"], 1, stratum="negative_random")] * 10  # else " b" before would tell
    assert label_by_rules(1, [*marks, *silent, *two_after]).label == "token ',', '.' or ';'"
    assert label_by_rules(1, [*words, *silent, *two_after]).label == POLYSEMANTIC


def test_inside_brackets_is_seen() -> None:
    silent = [a_context([")", " b", " (", " d", ")", f" w{i}"], 5, stratum="negative_random") for i in range(10)]
    firing = [a_context([f" {i}x", " (", f" w{i}"], 2) for i in range(6)]
    firing += [a_context([" call", "(", "b,", f" w{i}"], 3) for i in range(6)]
    fit = search(firing, silent)
    assert fit is not None
    assert rule_fires(parse("inside brackets"), firing) == [True] * 12


def test_too_few_contexts_is_an_error_not_a_label() -> None:
    row = label_by_rules(3, [a_context([" b"])] * 4 + [a_context([" c"], stratum="negative_random")] * 20)
    assert (row.outcome, row.label, row.verdict) == ("error", "", None)
    assert "fires in 4" in row.reason


def test_labels_are_short_and_printable() -> None:
    odd = [a_context(["\u0000\u202e" * 10, " b"], 0)] * 12
    silent = [a_context([" c", " d"], stratum="negative_random")] * 12
    row = label_by_rules(1, odd + silent)
    assert row.label.isprintable()
    assert len(row.label) <= 80
