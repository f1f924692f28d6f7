"""Fuzzing, intruder and simulation with perfect judges, judges of permuted labels, and judges who say nothing."""

from __future__ import annotations

import json
from statistics import mean

import pytest
from pydantic import BaseModel
from score_judges import ALL, LLM, AnswerWith, Maker, a_question, by_meaning, says_nothing

from autointerp.harvest import Context
from autointerp.label import label_features
from autointerp.llm import Request
from autointerp.run import RunDirectory
from autointerp.score import load_score_rows, score_features
from autointerp.score.scorers import SimulateReply, simulated


def test_a_judge_who_knows_the_meaning_is_nearly_perfect(all_labelled: RunDirectory, answer_with: AnswerWith) -> None:
    seen = answer_with(by_meaning)
    score_features(all_labelled, llm=LLM, scorers=ALL)
    rows = load_score_rows(all_labelled)
    for row in rows:
        assert row.fuzzing_outcome == "ok"
        assert 16 <= row.fuzzing_n <= 20, "two contexts at the beginning of a window can't be a pair"
        assert row.fuzzing_ba == 1.0 or (row.feature == 4 and row.fuzzing_ba >= 0.95), "4 needs the token before"
        assert 0.7 < row.fuzzing_low < row.fuzzing_ba <= row.fuzzing_high
        assert (row.intruder_outcome, row.intruder_n) == ("ok", 10)
        assert row.intruder_decile_n == [1] * 10
        assert row.simulation_outcome == "ok"
        assert 300 < row.simulation_n <= 20 * 17
        assert 0.7 < row.simulation_pearson < 1.0, "firing is known, strength is not"
    assert mean(row.intruder_accuracy for row in rows) > 0.9, "a random place may have the meaning's token beside it"
    assert rows[4].fuzzing_token < 0.6
    assert rows[0].fuzzing_token == 1.0
    assert rows[4].simulation_token < rows[0].simulation_token
    # own and shuffled detection, one fuzzing, ten rounds, two parts of a simulation
    assert len(seen) == len(rows) * (2 + 1 + 10 + 2)
    assert [row.cost_usd for row in rows] == [pytest.approx(15 * 0.002)] * len(rows)
    assert [row.tokens_in for row in rows] == [15 * 900] * len(rows)
    group = json.loads(all_labelled.summary.read_text())["groups"]["ids"]
    assert group["scorers"]["fuzzing"]["ba"]["mean"] > 0.98
    assert group["scorers"]["fuzzing"]["outcomes"] == {"ok": 6}
    assert group["scorers"]["intruder"]["chance"] == pytest.approx(0.2)
    assert [one["n"] for one in group["scorers"]["intruder"]["deciles"]] == [6] * 10
    assert group["scorers"]["simulation"]["pearson"]["n"] == 6
    assert list(all_labelled.read_manifest().config["scorers"]) == list(ALL)


def test_a_judge_who_knows_the_activations_simulates_them(
    all_labelled: RunDirectory, planted: dict[int, list[Context]], answer_with: AnswerWith
) -> None:
    def knows(request: Request) -> BaseModel:
        if request.reply_model is not SimulateReply:
            return says_nothing(request)
        _, feature, part = request.tag.split()
        question = a_question(int(feature), planted[int(feature)], "simulation")
        strongest = max(max(one.activations) for one in question.explain)
        some = simulated(question)[10 * (int(part) - 1) : 10 * int(part)]
        return SimulateReply(
            activations=[
                " ".join(f"{n}:{min(10, round(10 * value / strongest))}" for n, value in enumerate(one.activations, 1))
                for one in some
            ]
        )

    answer_with(knows)
    score_features(all_labelled, llm=LLM, scorers=ALL)
    for row in load_score_rows(all_labelled):
        assert row.simulation_pearson > 0.99
        assert row.simulation_r2 > 0.98


def test_a_judge_of_permuted_labels_is_at_chance(all_labelled: RunDirectory, answer_with: AnswerWith) -> None:
    answer_with(lambda request: by_meaning(request, shift=1))
    score_features(all_labelled, llm=LLM, scorers=("detection", "fuzzing", "simulation"))
    rows = load_score_rows(all_labelled)
    assert mean(row.fuzzing_ba for row in rows) == pytest.approx(0.5, abs=0.05)
    assert mean(row.simulation_pearson for row in rows) == pytest.approx(0.0, abs=0.1)
    assert all(row.intruder_outcome is None for row in rows), "not asked for"
    assert "intruder" not in json.loads(all_labelled.summary.read_text())["groups"]["ids"]["scorers"]


def test_a_judge_who_says_nothing_gets_the_floors(all_labelled: RunDirectory, answer_with: AnswerWith) -> None:
    answer_with(says_nothing)
    score_features(all_labelled, llm=LLM, scorers=ALL)
    rows = load_score_rows(all_labelled)
    assert [row.fuzzing_ba for row in rows] == [0.5] * len(rows)
    assert [(row.simulation_pearson, row.simulation_r2) for row in rows] == [(0.0, 0.0)] * len(rows)
    assert mean(row.intruder_accuracy for row in rows) == pytest.approx(0.2, abs=0.1)


def test_rules_judge_what_has_a_label(make_run: Maker, planted: dict[int, list[Context]]) -> None:
    run = make_run(planted)
    label_features(run, llm="rules")
    score_features(run, llm="rules", scorers=ALL)
    rows = load_score_rows(run)
    for row in rows[:6]:
        assert (row.fuzzing_outcome, row.fuzzing_ba) == ("ok", 1.0)
        assert row.intruder_outcome == "not_available"
        assert row.intruder_token is not None
        assert row.simulation_pearson > 0.7
        assert 0.5 < row.simulation_r2 < 1.0
    for row in rows[6:]:
        assert (row.fuzzing_outcome, row.simulation_outcome) == ("no_label", "no_label")
        assert (row.fuzzing_ba, row.simulation_pearson) == (None, None)
    before = run.scores.read_bytes(), run.scores_csv.read_bytes()
    score_features(run, llm="rules", scorers=ALL)
    assert (run.scores.read_bytes(), run.scores_csv.read_bytes()) == before
