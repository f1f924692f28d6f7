"""Fuzzing, intruder and simulation that miss an answer, or the contexts to ask with: a failure, never a number."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import pytest
from pydantic import BaseModel
from score_judges import ALL, LLM, AnswerWith, Maker, by_meaning, says_nothing

from autointerp.errors import IncompleteError
from autointerp.harvest import DECILES, Context
from autointerp.label import label_features
from autointerp.llm import Outcome, Request
from autointerp.run import RunDirectory
from autointerp.score import load_score_rows, score_features
from autointerp.score.scorers import FuzzReply, IntruderReply, SimulateReply


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: lines[:-1],
        lambda lines: [*lines, "1:0"],
        lambda lines: [lines[0].rpartition(" ")[0], *lines[1:]],
        lambda lines: [lines[0] + " 1:0", *lines[1:]],
        lambda lines: [lines[0].replace("1:0", "1:11", 1), *lines[1:]],
        lambda lines: [lines[0].replace("1:0", "1:0.5", 1), *lines[1:]],
        lambda lines: [lines[0].replace("1:0", "1:" + "9" * 5000, 1), *lines[1:]],
        lambda lines: ["", *lines[1:]],
    ],
)
def test_missing_predictions_are_a_failure_never_zeros(
    all_labelled: RunDirectory,
    answer_with: AnswerWith,
    spoil: Callable[[list[str]], list[str]],
) -> None:
    def spoils_one(request: Request) -> BaseModel:
        said = says_nothing(request)
        if isinstance(said, SimulateReply) and request.tag == "simulation 0 2":
            return SimulateReply(activations=spoil(said.activations))
        return said

    answer_with(spoils_one)
    score_features(all_labelled, llm=LLM, scorers=("detection", "simulation"))
    row, other = load_score_rows(all_labelled)[:2]
    assert (row.simulation_outcome, row.simulation_pearson, row.simulation_r2) == ("invalid", None, None)
    assert row.simulation_token is not None
    assert other.simulation_outcome == "ok"
    found = json.loads(all_labelled.summary.read_text())["groups"]["ids"]["scorers"]["simulation"]
    assert found["outcomes"] == {"invalid": 1, "ok": 5}
    assert found["pearson"]["n"] == 5


@pytest.mark.parametrize("said", [Outcome.refused, Outcome.error, IntruderReply(reasoning="", intruder=6)])
def test_one_missing_round_is_a_failure_of_the_whole(
    all_labelled: RunDirectory, answer_with: AnswerWith, said: BaseModel | Outcome
) -> None:
    answer_with(lambda request: said if request.tag == "intruder 3 d4" else by_meaning(request))
    with pytest.raises(IncompleteError, match="1 of 18") if said is Outcome.error else contextlib.nullcontext():
        score_features(all_labelled, llm=LLM, scorers=("detection", "intruder"))
    row = load_score_rows(all_labelled)[3]
    assert row.intruder_outcome == (said if isinstance(said, Outcome) else "invalid")
    assert (row.intruder_accuracy, row.intruder_n, row.intruder_decile_hits) == (None, None, None)
    assert row.outcome == "ok", "detection is not touched by it"


def test_a_budget_that_ends_in_a_further_scorer_leaves_the_stage_open(
    all_labelled: RunDirectory, answer_with: AnswerWith
) -> None:
    def ends(request: Request) -> BaseModel | Outcome:
        if request.tag == "intruder 3 d4":
            return Outcome.refused
        return Outcome.skipped_budget if request.tag == "intruder 3 d5" else by_meaning(request)

    answer_with(ends)
    with pytest.raises(IncompleteError, match="1 of 18"):
        score_features(all_labelled, llm=LLM, scorers=("detection", "intruder"))
    assert load_score_rows(all_labelled)[3].intruder_outcome == "skipped_budget"


def test_numbers_of_texts_that_are_not_there_are_invalid(all_labelled: RunDirectory, answer_with: AnswerWith) -> None:
    answer_with(lambda request: FuzzReply(right=[21]) if request.reply_model is FuzzReply else says_nothing(request))
    score_features(all_labelled, llm=LLM, scorers=("detection", "fuzzing"))
    assert [row.fuzzing_outcome for row in load_score_rows(all_labelled)] == ["invalid"] * 6


def test_too_few_contexts_are_untestable(make_run: Maker, planted: dict[int, list[Context]]) -> None:
    few = [one for one in planted[0] if one.split == "explain" or one.stratum in ("d0", "d1", "negative_hard")]
    few = [one for one in few if not (one.split == "explain" and one.stratum in DECILES)]
    run = make_run({0: few, 1: planted[1]})
    label_features(run, llm="rules")
    score_features(run, llm="rules", scorers=ALL)
    row = load_score_rows(run)[0]
    assert (row.outcome, row.fuzzing_outcome, row.simulation_outcome) == ("ok", "untestable", "untestable")
    assert (row.fuzzing_n, row.fuzzing_token) == (None, None)
