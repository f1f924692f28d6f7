"""Trials, floors, the derangement, the bottom check and rates, each alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_planted import a_context

from autointerp.harvest import Context
from autointerp.score import (
    Confusion,
    Trial,
    check_bottom,
    make_trial,
    peak_tokens,
    rate,
    shuffled_donors,
    token_identity_floor,
)


def a_trial(strata: list[str]) -> Trial:
    contexts = tuple(
        a_context([" a", " b"], stratum=stratum, split="score", position=i) for i, stratum in enumerate(strata)
    )
    return Trial(0, contexts, tuple(frozenset([stratum]) for stratum in strata), (True,) * len(strata))


def test_a_trial_is_shuffled_by_seed_and_feature_alone(planted: dict[int, list[Context]]) -> None:
    first, again = make_trial(1, planted[1], seed=0), make_trial(1, planted[1][::-1], seed=0)
    assert first.contexts == again.contexts
    assert first.contexts != make_trial(1, planted[1], seed=1).contexts
    assert list(first.truth) != sorted(first.truth, reverse=True)


def test_a_trial_holds_each_place_of_the_score_split_once(planted: dict[int, list[Context]]) -> None:
    trial = make_trial(1, planted[1], seed=0)
    places = [(context.window, context.position) for context in trial.contexts]
    expected = {(one.window, one.position) for one in planted[1] if one.split == "score"}
    assert len(places) == len(set(places))
    assert set(places) == expected
    for stratum, n in (("d0", 6), ("d5", 2), ("negative_hard", 8)):
        assert len(trial.members(stratum)) == n


def test_confusion_counts() -> None:
    trial = a_trial(["top", "d0", "d5", "negative_random", "negative_hard"])
    assert Confusion.of(trial, [True, False, True, True, False]) == (2, 1, 1, 1)
    assert Confusion.of(trial, trial.truth).balanced_accuracy == 1.0


def test_usual_tokens_cover_half_of_the_peaks() -> None:
    def peaks(*texts: str) -> list[str]:
        return peak_tokens([a_context([text]) for text in texts] + [a_context(["z"], stratum="negative_random")] * 9)

    assert peaks("a", "a", "b") == ["a"]
    assert peaks("a", "a", "b", "b", "c", "d") == ["a", "b"]
    assert peaks(*"abcdefgh") == ["a", "b", "c"]
    assert peaks() == []


def test_token_identity_is_measured_on_the_held_out_split(planted: dict[int, list[Context]]) -> None:
    assert token_identity_floor(make_trial(0, planted[0], seed=0), planted[0]) == 1.0
    assert token_identity_floor(make_trial(4, planted[4], seed=0), planted[4]) == pytest.approx(0.5, abs=0.2)


@given(
    st.dictionaries(
        st.integers(0, 50), st.sampled_from([f"label number {n}" for n in "abcdef"] + ["x y", "p q", "r s", "t u"])
    )
)
def test_nobody_is_given_a_label_like_its_own(labels: dict[int, str]) -> None:
    donors = shuffled_donors(labels, seed=3)
    assert len(set(donors.values())) == len(donors)
    for taker, donor in donors.items():
        assert taker != donor
        assert labels[taker] != labels[donor]
        assert not (labels[taker].startswith("label") and labels[donor].startswith("label"))
    assert donors == shuffled_donors(dict(reversed(labels.items())), seed=3)


def test_all_find_a_donor_where_labels_differ() -> None:
    labels = {i: f"word{i} other{i}" for i in range(30)}
    assert len(shuffled_donors(labels, seed=0)) == 30
    assert shuffled_donors({1: "a b"}, seed=0) == {}
    assert shuffled_donors({1: "token '('", 2: "token ')'"}, seed=0) == {1: 2, 2: 1}
    assert shuffled_donors({1: "token 'self'", 2: "word 'self'"}, seed=0) == {}


def test_the_bottom_check_needs_the_lowest_decile() -> None:
    trial = a_trial(["top"] * 3 + ["d0"] * 6 + ["below_10pct_of_max"] * 4 + ["negative_random"] * 16)
    everything, nothing = check_bottom(trial, trial.truth), check_bottom(trial, [False] * 29)
    assert (everything.d0_hits, everything.d0_n, everything.below10_hits, everything.verdict) == (6, 6, 4, "pass")
    assert (nothing.d0_hits, nothing.p_value, nothing.verdict) == (0, 1.0, "fail")
    assert check_bottom(trial, [True] * 29).verdict == "fail"
    only_top = [True] * 3 + [False] * 26
    assert check_bottom(trial, only_top).verdict == "fail"
    assert (
        check_bottom(a_trial(["d0"] * 4 + ["negative_random"] * 16), [True] * 4 + [False] * 16).verdict == "untestable"
    )
    assert check_bottom(a_trial(["top", "negative_random"]), [True, False]).verdict == "untestable"


def test_the_bottom_check_is_against_hard_negatives() -> None:
    trial = a_trial(["d0"] * 6 + ["negative_random"] * 8 + ["negative_hard"] * 8)
    fooled_by_random = [True] * 14 + [False] * 8
    fooled_by_hard = [True] * 6 + [False] * 8 + [True] * 8
    assert check_bottom(trial, fooled_by_random).verdict == "pass"
    assert check_bottom(trial, fooled_by_hard).verdict == "fail"


def test_rates_say_how_far_missing_answers_could_move_them() -> None:
    found = rate([True, True, False, None])
    assert (found["k"], found["n"]) == (2, 3)
    assert found["rate"] == pytest.approx(2 / 3)
    assert (found["worst_low"], found["worst_high"]) == (0.5, 0.75)
    assert rate([])["rate"] is None
    assert rate([None])["worst_high"] == 1.0


@given(st.lists(st.sampled_from([True, False, None])))
def test_worst_cases_hold_the_rate(verdicts: list[bool | None]) -> None:
    found = rate(verdicts)
    assert 0 <= found["worst_low"] <= found["worst_high"] <= 1
    if found["rate"] is not None:
        assert found["worst_low"] <= found["rate"] <= found["worst_high"]


def test_detection_counts_as_many_of_each_decile(planted: dict[int, list[Context]]) -> None:
    trial = make_trial(0, planted[0], seed=0)
    counted = [i for i, counts in enumerate(trial.counted) if counts]
    assert len(trial.members("d0")) == 6
    for decile in ("d0", "d4", "d9"):
        assert len(set(trial.members(decile)) & set(counted)) == 2
    assert all(trial.counted[i] for i, fires in enumerate(trial.truth) if not fires)
    fooled_only_where_it_does_not_count = [
        fires if counts else not fires for fires, counts in zip(trial.truth, trial.counted, strict=True)
    ]
    assert Confusion.of(trial, fooled_only_where_it_does_not_count).balanced_accuracy == 1.0
