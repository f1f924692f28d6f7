"""What fuzzing, intruder and simulation ask, and their arithmetic."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

import numpy as np
import pytest
from label_planted import a_context, a_noise_feature
from score_judges import FEATURES, Maker, a_question

from autointerp import verbs
from autointerp.errors import UsageError
from autointerp.harvest import DECILES, Context
from autointerp.label import label_features
from autointerp.score import SCORERS, make_trial, parse_scorers, position_floor
from autointerp.score.scorers import marked_texts, pearson, rounds


def test_noise_has_no_intruder() -> None:
    """Five contexts of nothing in particular: choosing by tokens is choosing at random."""
    found = [
        (one.intruder, [tuple(c.tokens[i] for i in m) for c, m in zip(one.contexts, one.marks, strict=True)])
        for feature in range(20, 26)
        for one in rounds(a_question(feature, a_noise_feature(feature), "intruder"))
    ]
    rare = mean(tokens.index(min(tokens, key=tokens.count)) == intruder for intruder, tokens in found)
    assert rare == pytest.approx(0.2, abs=0.12)


def test_marked_texts_come_from_the_score_half_once_each(planted: dict[int, list[Context]]) -> None:
    texts = marked_texts(a_question(0, planted[0], "fuzzing"))
    assert {one.context.split for one in texts} == {"score"}
    assert len({(one.context.window, one.context.position) for one in texts}) == len(texts) == 20
    assert sorted(one.context.stratum for one in texts if one.is_right) == sorted(DECILES)
    for one in texts:
        fires = [one.context.activations[i] > 0 for i in one.marks]
        n_active = sum(value > 0 for value in one.context.activations[one.begin : one.end])
        assert fires == [one.is_right] * n_active
        assert all(one.begin <= i < one.end for i in (*one.marks, one.context.peak))
    assert [one.is_right for one in texts] != sorted((one.is_right for one in texts), reverse=True)


def test_where_marks_stand_does_not_tell_right_from_wrong(planted: dict[int, list[Context]]) -> None:
    texts = [
        text
        for f in FEATURES
        for seed in range(5)
        for text in marked_texts(a_question(f, planted[f], "fuzzing", seed=seed))
    ]
    offsets = {kind: [one.anchor - one.begin for one in texts if one.is_right == kind] for kind in (True, False)}
    assert len(offsets[True]) == len(offsets[False]) > 280
    shares = [np.bincount(offsets[kind], minlength=17) / len(offsets[kind]) for kind in (True, False)]
    assert abs(shares[0] - shares[1]).max() < 0.1


def test_a_round_is_four_of_a_decile_and_a_silent_one(planted: dict[int, list[Context]]) -> None:
    question = a_question(1, planted[1], "intruder")
    played = rounds(question)
    assert [one.decile for one in played] == list(range(10))
    for one in played:
        strata = [context.stratum for context in one.contexts]
        assert strata.pop(one.intruder) == "negative_random"
        assert strata == [f"d{one.decile}"] * 4
        for i, (context, marks) in enumerate(zip(one.contexts, one.marks, strict=True)):
            if i != one.intruder:
                assert marks == {j for j, value in enumerate(context.activations) if value > 0}
        assert 1 <= len(one.marks[one.intruder]) <= max(map(len, one.marks))
    assert len({one.intruder for one in played}) > 2
    strangers = [(one.contexts[one.intruder].window, one.contexts[one.intruder].position) for one in played]
    assert len(set(strangers)) == 10


@pytest.mark.parametrize("scorer", ["fuzzing", "intruder", "simulation"])
def test_the_same_seed_asks_the_same(planted: dict[int, list[Context]], scorer: str) -> None:
    first, again = (
        SCORERS[scorer].requests(a_question(2, contexts, scorer)) for contexts in (planted[2], list(planted[2]))
    )
    other = SCORERS[scorer].requests(a_question(2, planted[2], scorer, seed=1))
    assert first == again
    assert first != other
    assert len({request.messages[0] for request in [*first, *other]}) == 1


def test_scorers_by_name() -> None:
    assert parse_scorers("detection") == ("detection",)
    assert parse_scorers("simulation, fuzzing,fuzzing") == ("detection", "fuzzing", "simulation")
    with pytest.raises(UsageError, match="no scorer is called 'clairvoyance'; there are detection, fuzzing"):
        parse_scorers("clairvoyance")


def test_the_verb_takes_names(make_run: Maker, planted: dict[int, list[Context]]) -> None:
    run = make_run({feature: planted[feature] for feature in (0, 1)})
    label_features(run, llm="rules")
    with pytest.raises(UsageError, match="clairvoyance"):
        verbs.score(run.path, scorers="fuzzing,clairvoyance")
    assert not run.scores.exists()
    assert verbs.score(run.path, scorers="fuzzing")["fuzzing_ba"].tolist() == [1.0, 1.0]
    assert run.labels_csv.exists()  # for a labelling that was killed before it wrote the file
    assert list(run.read_manifest().config["scorers"]) == ["detection", "fuzzing"]
    assert verbs.score(run.path)["fuzzing_outcome"].isna().all()


def test_a_constant_prediction_tells_nothing() -> None:
    varied = np.array([0.0, 1.0, 5.0])
    assert pearson(np.full(3, 0.1), varied) == pytest.approx(0.0, abs=1e-12)
    assert pearson(np.zeros(3), varied) == 0.0
    assert pearson(2 * varied + 1, varied) == pytest.approx(1.0)
    assert pearson(-varied, varied) == pytest.approx(-1.0)


def test_position_tells_features_of_the_first_places_only(planted: dict[int, list[Context]]) -> None:
    early = [
        replace(one, position=one.position % 2 if one.is_positive else 20 + one.position % 30) for one in planted[0]
    ]
    assert position_floor(make_trial(0, early, seed=0), early) == 1.0
    floors = [position_floor(make_trial(f, planted[f], seed=0), planted[f]) for f in FEATURES]
    assert mean(floors) == pytest.approx(0.5, abs=0.1)
    assert position_floor(make_trial(0, [a_context(["a"], split="score")], seed=0), []) is None
