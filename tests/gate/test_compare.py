from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.errors import NotComparableError, UsageError
from autointerp.gate import compare, make_baseline
from autointerp.gate._change import paired_change, unpaired_change
from autointerp.stats import required_n


def test_the_same_answers_pass_with_no_change(make_run, decoder, shares):
    baseline = make_baseline(make_run("old", shares(200, 150)), decoder)
    result = compare(make_run("new", shares(200, 150)), baseline)
    assert (result.status, result.exit_code, result.paired) == ("pass", 0, True)
    assert (result.n, result.k_old, result.k_new, result.delta) == (200, 150, 150, 0.0)
    assert (result.low, result.high, result.p_value) == (0.0, 0.0, 1.0)
    assert result.lost == result.gained == ()
    assert result.group == "random:200"


def test_a_clear_drop_fails_and_names_what_got_lost(make_run, decoder, shares):
    baseline = make_baseline(make_run("old", shares(200, 150)), decoder)
    result = compare(make_run("new", shares(200, 120), labels={149: "POLYSEMANTIC"}), baseline)
    assert (result.status, result.exit_code) == ("fail", 3)
    assert result.delta == pytest.approx(-0.15)
    assert result.upper_one_sided < 0
    assert result.p_value == pytest.approx(0.5**30)
    assert [flip.feature for flip in result.lost] == list(range(120, 150))
    assert (result.lost[-1].label_old, result.lost[-1].label_new) == ("token '149'", "POLYSEMANTIC")
    assert result.gained == ()


def test_a_rise_passes_and_names_what_was_gained(make_run, decoder, shares):
    baseline = make_baseline(make_run("old", shares(200, 120)), decoder)
    result = compare(make_run("new", shares(200, 150)), baseline)
    assert result.status == "pass"
    assert len(result.gained) == 30
    assert result.p_value == 1.0


@pytest.mark.parametrize(("k_new", "status"), [(150, "pass"), (149, "fail")])
def test_a_drop_of_just_the_margin_is_allowed(make_run, decoder, shares, k_new, status):
    baseline = make_baseline(make_run("old", shares(200, 160)), decoder)
    result = compare(make_run("new", shares(200, k_new)), baseline, margin=0.05)
    assert result.upper_one_sided < 0
    assert result.status == status


def test_a_drop_that_chance_explains_passes_with_a_warning(make_run, decoder):
    before = [True] * 30 + [False] * 10
    now = [True] * 20 + [False] * 10 + [True] * 6 + [False] * 4
    result = compare(make_run("new", now), make_baseline(make_run("old", before), decoder))
    assert result.status == "pass"
    assert result.delta == pytest.approx(-0.1)
    assert result.upper_one_sided >= 0
    assert any("Label more features" in warning for warning in result.warnings)


def test_three_lost_and_none_gained_is_no_verdict_on_twenty():
    change = paired_change([True] * 20, [False] * 3 + [True] * 17, 0.95)
    assert change.delta == -0.15
    assert change.p_value == 0.125
    assert change.upper_one_sided == change.high == 0.0
    assert change.low < -0.15


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_bounds_agree_with_the_exact_test(pairs):
    old, new = [a for a, _ in pairs], [b for _, b in pairs]
    change = paired_change(old, new, 0.95)
    assert change.low <= change.delta <= change.high
    assert change.delta <= change.upper_one_sided <= change.high + 1e-12 or change.upper_one_sided == 0
    if change.upper_one_sided < 0:
        assert change.p_value < 0.05
    mirrored = paired_change(new, old, 0.95)
    assert mirrored.delta == -change.delta


@pytest.mark.slow
def test_false_alarms_are_rare_when_nothing_changed():
    random = np.random.default_rng(1)
    alarms = 0
    for _ in range(60):
        answers = random.random((2, 60)) < 0.7
        change = paired_change(list(map(bool, answers[0])), list(map(bool, answers[1])), 0.95)
        alarms += change.upper_one_sided < 0 and change.delta < -0.05
    assert alarms <= 8  # 5 % of 60, and three standard deviations


def test_other_text_is_compared_as_wholes(make_run, decoder, shares):
    baseline = make_baseline(make_run("old", shares(200, 150)), decoder)
    result = compare(make_run("new", shares(200, 110), text="text-2"), baseline)
    assert (result.paired, result.status) == (False, "fail")
    assert result.warnings[0].startswith("Not paired: the text windows differ")
    expected = unpaired_change(150, 200, 110, 200, 0.95)
    assert (result.delta, result.upper_one_sided) == (expected.delta, expected.upper_one_sided)
    assert result.lost == ()


def test_a_retrained_sae_is_paired_by_its_directions(make_run, decoder, shares):
    baseline = make_baseline(make_run("old", shares(100, 80)), decoder)
    new = make_run("new", shares(100, 79), sae="b" * 64)
    nearby = decoder * 3 + np.float32(0.01)
    result = compare(new, baseline, decoder=nearby)
    assert (result.paired, result.corresponding, result.n) == (True, 1.0, 100)
    nearby[:10] = decoder[200:210]
    result = compare(new, baseline, decoder=nearby)
    assert (result.paired, result.corresponding, result.n, result.k_old) == (True, 0.9, 90, 70)


def test_an_unrelated_sae_is_not_paired(make_run, decoder, shares):
    baseline = make_baseline(make_run("old", shares(100, 80)), decoder)
    result = compare(make_run("new", shares(100, 80), sae="b" * 64), baseline, decoder=decoder[::-1])
    assert not result.paired
    assert "only 0 of 100 features are found again" in result.warnings[0]
    assert result.n == 100


@pytest.mark.parametrize(("kept", "paired"), [(80, True), (79, False)])
def test_pairs_need_four_fifths_of_the_group(make_run, decoder, shares, kept, paired):
    groups = {"random:100": list(range(kept)) + list(range(200, 300 - kept))}
    baseline = make_baseline(make_run("old", shares(100, 80)), decoder)
    ids = groups["random:100"]
    result = compare(make_run("new", shares(100, 80), ids=ids, groups=groups), baseline)
    assert result.paired == paired
    assert result.n == (kept if paired else 100)


@pytest.mark.parametrize(("missing", "status"), [(5, "pass"), (6, "incomplete")])
@pytest.mark.parametrize("side", ["old", "new"])
def test_too_few_answers_are_no_verdict(make_run, decoder, shares, missing, status, side):
    full, holes = shares(100, 80), [None] * missing + shares(100, 80)[missing:]
    baseline = make_baseline(make_run("old", holes if side == "old" else full), decoder)
    result = compare(make_run("new", holes if side == "new" else full), baseline)
    assert result.status == status
    assert result.exit_code == (0 if status == "pass" else 4)
    assert result.n == 100 - missing


def test_a_drop_behind_missing_answers_is_incomplete_not_failed(make_run, decoder, shares):
    baseline = make_baseline(make_run("old", shares(100, 90)), decoder)
    result = compare(make_run("new", [None] * 20 + [False] * 80), baseline)
    assert (result.status, result.coverage_new) == ("incomplete", 0.8)
    assert "80.0 % of the features have an answer in the run" in result.verdict_line()


def test_no_answers_at_all_are_no_number(make_run, decoder):
    baseline = make_baseline(make_run("old", [True] * 10), decoder)
    result = compare(make_run("new", [None] * 10), baseline)
    assert (result.status, result.delta, result.p_value, result.n) == ("incomplete", None, None, 0)
    assert result.verdict_line().endswith("nothing to compare.")


def test_an_empty_group_is_incomplete(make_run, decoder):
    baseline = make_baseline(make_run("old", []), decoder)
    assert compare(make_run("new", []), baseline).status == "incomplete"


def test_untestable_features_are_left_out_and_counted(make_run, decoder, shares):
    robust = [None] * 30 + [True] * 70
    baseline = make_baseline(make_run("old", shares(100, 100), robust=[True] * 100), decoder)
    result = compare(make_run("new", shares(100, 100), robust=robust), baseline, rate="robust")
    assert (result.status, result.n, result.untestable_new, result.coverage_new) == ("pass", 70, 30, 1.0)
    assert any("30 in the run" in warning for warning in result.warnings)


def test_a_missing_score_is_not_untestable(make_run, decoder, shares):
    verified = [None] * 30 + [True] * 70
    baseline = make_baseline(make_run("old", shares(100, 100)), decoder)
    result = compare(make_run("new", verified), baseline, rate="robust")
    assert (result.status, result.untestable_new) == ("incomplete", 0)


def test_the_label_rate_counts_polysemantic_as_no(make_run, decoder, shares):
    baseline = make_baseline(make_run("old", shares(20, 20)), decoder)
    result = compare(
        make_run("new", shares(20, 20), labels=dict.fromkeys(range(8), "POLYSEMANTIC")), baseline, rate="label"
    )
    assert (result.k_old, result.k_new, result.status) == (20, 12, "fail")


@pytest.mark.parametrize(
    ("changes", "before", "now"),
    [
        ({"fingerprint": "model-2"}, "model-1", "model-2"),
        ({"hook_point": "blocks.3.hook_resid_post"}, "blocks.2", "blocks.3"),
        ({"labeler": ("openai:m", "rules@1")}, "rules", "openai:m"),
        ({"labeler": ("rules", "rules@2")}, "rules@1", "rules@2"),
        ({"judge": ("openai:m", "rules@1")}, "rules", "openai:m"),
        ({"judge": ("rules", "judge@2")}, "rules@1", "judge@2"),
        ({"judge": None}, "rules", "none"),
    ],
)
def test_a_changed_instrument_is_not_comparable(make_run, decoder, shares, changes, before, now):
    baseline = make_baseline(make_run("old", shares(10, 5)), decoder)
    with pytest.raises(NotComparableError) as caught:
        compare(make_run("new", shares(10, 5), **changes), baseline)
    assert before in str(caught.value)
    assert now in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_replay_is_the_labeler_it_replays(make_run, decoder, shares):
    live, replayed = ("openai:m", "p@1"), ("replay:openai:m", "p@1")
    baseline = make_baseline(make_run("old", shares(10, 5), labeler=live, judge=live), decoder)
    assert compare(make_run("new", shares(10, 5), labeler=replayed, judge=replayed), baseline).status == "pass"


def test_a_missing_group_lists_what_there_is(make_run, decoder, shares):
    baseline = make_baseline(make_run("old", shares(10, 5)), decoder)
    new = make_run("new", shares(10, 5))
    with pytest.raises(NotComparableError, match=r"top25 is not on both sides.*random:10"):
        compare(new, baseline, group="top25")
    other = make_run("other", shares(10, 5), groups={"ids": list(range(10))})
    with pytest.raises(NotComparableError, match="the run has ids"):
        compare(other, baseline)
    with pytest.raises(NotComparableError, match="no random group"):
        compare(other, make_baseline(other, decoder))
    assert compare(other, make_baseline(other, decoder), group="ids").group == "ids"


@pytest.mark.parametrize("bad", [{"rate": "vibes"}, {"margin": -0.1}, {"margin": 1.0}, {"confidence": 0.5}])
def test_values_out_of_range_are_refused(make_run, decoder, shares, bad):
    run = make_run("run", shares(10, 5))
    with pytest.raises(UsageError):
        compare(run, make_baseline(run, decoder), **bad)


def test_without_scores_only_labels_can_be_compared(make_run, decoder, shares):
    run = make_run("run", shares(10, 5))
    baseline = make_baseline(run, decoder)
    run.scores.unlink()
    with pytest.raises(UsageError, match="autointerp score"):
        compare(run, baseline)
    assert compare(run, baseline, rate="label").status == "pass"


@pytest.mark.parametrize(
    ("k", "min_rate", "status"), [(100, 0.5, "pass"), (100, 0.52, "pass"), (100, 0.6, "fail"), (100, None, "pass")]
)
def test_a_lowest_rate_is_held_with_a_bound(make_run, decoder, shares, k, min_rate, status):
    run = make_run("run", shares(200, k))
    result = compare(run, make_baseline(run, decoder), min_rate=min_rate)
    assert (result.status, result.min_rate) == (status, min_rate)
    assert any("chance explains" in warning for warning in result.warnings) == (min_rate == 0.52)
    assert ("at least" in result.verdict_line()) == (min_rate is not None)


def test_a_drop_beyond_the_margin_is_named_before_the_lowest_rate(make_run, decoder, shares):
    baseline = make_baseline(make_run("old", shares(200, 150)), decoder)
    result = compare(make_run("new", shares(200, 100)), baseline, min_rate=0.9)
    assert result.status == "fail"
    assert result.reason.startswith("the rate fell")


def test_with_too_few_features_it_says_how_many_it_takes(make_run, decoder):
    before, now = [True] * 20 + [False] * 20, [True] * 15 + [False] * 20 + [True] * 5
    result = compare(make_run("new", now), make_baseline(make_run("old", before), decoder))
    assert result.required_n == required_n(0.5, 0.05, discordant=0.25) > 40
    assert any(f"It takes {result.required_n} to see" in warning for warning in result.warnings)
    assert (
        compare(make_run("same", now), make_baseline(make_run("old", before), decoder), margin=0.4).required_n is None
    )


@pytest.mark.parametrize("min_rate", [-0.1, 1.1])
def test_a_lowest_rate_is_a_share(make_run, decoder, shares, min_rate):
    run = make_run("run", shares(20, 10))
    with pytest.raises(UsageError, match="lowest rate"):
        compare(run, make_baseline(run, decoder), min_rate=min_rate)
