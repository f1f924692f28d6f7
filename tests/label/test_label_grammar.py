"""Rules, their JSON and their labels say the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_planted import a_context

from autointerp.errors import UsageError
from autointerp.label import Atom, Rule, describe, parse, rule_fires
from autointerp.label._rules._rule import FIRST, INSIDES, WHERES
from autointerp.label._rules._token_tests import CLASSES

value = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
class_atom = st.builds(Atom, st.sampled_from(WHERES), st.just("class"), st.tuples(st.sampled_from(list(CLASSES))))
around = st.one_of(
    st.builds(Atom, st.sampled_from(WHERES[1:]), st.just("word"), st.tuples(value)),
    class_atom.filter(lambda atom: atom.where != "here"),
    st.builds(Atom, st.just("here"), st.just("inside"), st.tuples(st.sampled_from(INSIDES))),
    st.builds(Atom, st.just("here"), st.just("first"), st.tuples(st.sampled_from(FIRST))),
    st.just(Atom("here", "line start")),
)
about = st.one_of(
    class_atom.filter(lambda atom: atom.where == "here"),
    st.builds(
        Atom, st.just("here"), st.sampled_from(["token", "word"]), st.lists(value, min_size=1, max_size=4).map(tuple)
    ),
    st.builds(Atom, st.just("here"), st.sampled_from(["starting", "ending", "containing"]), st.tuples(value)),
)
rules = st.one_of(st.tuples(about), st.tuples(around), st.tuples(about, around), st.tuples(around, around)).map(Rule)


@given(rules)
def test_labels_read_back(rule: Rule) -> None:
    label = describe(rule)
    assert label.isprintable()
    assert parse(label) == rule


@given(rules)
def test_json_reads_back(rule: Rule) -> None:
    assert Rule.from_json(rule.to_json()) == rule


@pytest.mark.parametrize(
    "text",
    ["", "programming", "token self", "token 'a' 'b'", "'a'", "token 'a'  after 'b'", "after token 'x'", "any thing"],
)
def test_other_labels_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", '[{"where":"here"}]', '[{"where":"up","test":"token","values":["a"]}]']
)
def test_broken_rules_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a rule"):
        Rule.from_json(text)


TOKENS = [
    "\n",
    "def",
    " walk",
    "(",
    "self",
    ",",
    " X",
    "=",
    '"',
    " hi",
    '"',
    ")",
    ":",
    " #",
    " Note",
    "\n    ",
    "return",
]


@pytest.mark.parametrize(
    ("label", "where"),
    [
        ("token 'self'", [4]),
        ("word 'x'", [6]),
        ("token starting with 'wa'", [2]),
        ("token ending in 'urn'", [16]),
        ("token containing 'alk'", [2]),
        ("any single letter", [6]),
        ("any capitalised word", [14]),
        ("any newline", [0, 15]),
        ("any indentation", [15]),
        ("after '('", [4]),
        ("two after '('", [5]),
        ("before '('", [2]),
        ("next to '('", [2, 4]),
        ("inside brackets", [4, 5, 6, 7, 8, 9, 10, 11]),
        ("inside quotes", [9, 10]),
        ("inside a comment", [14, 15]),
        ("at line start", [1, 16]),
        ("in first 2 positions", [0, 1]),
        ("any punctuation after 'self'", [5]),
    ],
)
def test_each_condition_holds_where_it_says(label: str, where: list[int]) -> None:
    from autointerp.label._rules._slices import Slices

    slices = Slices([a_context(TOKENS, 0, position=0)])
    assert slices.holds(parse(label))[0].nonzero()[0].tolist() == where


def test_a_shorter_slice_is_not_read_past_its_end() -> None:
    contexts = [a_context([" a", " b", " c"]), a_context([" a"])]
    assert rule_fires(parse("after 'a'"), contexts) == [True, False]
    assert rule_fires(parse("in first 16 positions"), contexts) == [False, False]
    assert rule_fires(parse("word 'c'"), contexts) == [True, False]
    assert rule_fires(parse("word 'c'"), []) == []
