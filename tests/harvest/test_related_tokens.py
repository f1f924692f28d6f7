"""Tokens related to a token, near before far."""

from __future__ import annotations

from autointerp.harvest._related_tokens import KINDS, RelatedTokens

PIECES = dict(
    enumerate(
        ["self", " Self", "SELF ", "selfish", " select", "other", " other", "12", "7", "(", "\n", " a1", "séance"]
    )
)


def find(token: str, kind: str, exclude: frozenset[str] = frozenset()) -> list[str]:
    ids = {piece: i for i, piece in PIECES.items()}
    found = RelatedTokens(PIECES).find(ids[token], kind, exclude={ids[piece] for piece in exclude})
    return [PIECES[i] for i in found]


def test_folded_is_equal_but_for_case_and_spaces():
    assert sorted(find("self", "folded")) == [" Self", "SELF "]
    assert find("other", "folded") == [" other"]


def test_prefix_shares_three_characters_and_repeats_nothing_nearer():
    assert find("self", "prefix") == ["selfish", " select"]
    assert find("7", "prefix") == []


def test_character_class_is_the_same_sort_nearest_in_length_first():
    assert find("self", "character_class") == ["other", "séance"]
    assert find("7", "character_class") == ["12"]
    assert find("(", "character_class") == []


def test_excluded_tokens_are_not_given_out():
    assert find("self", "folded", frozenset({" Self"})) == ["SELF "]


def test_at_most_eight_of_a_kind():
    related = RelatedTokens({i: "x" * (i % 30 + 3) for i in range(300)})
    found = related.find(0, "character_class", exclude=set())
    assert found == []  # all share the prefix, which is nearer
    assert len(related.find(0, "prefix", exclude={30, 60})) == 8
    assert set(KINDS) == {"folded", "prefix", "character_class"}
