"""The whole stage with an LLM as judge: what it sees, and what becomes of each kind of reply."""

from __future__ import annotations

import contextlib
import json

import pytest
from score_judges import LLM, AnswerWith, Maker

from autointerp.errors import IncompleteError, UsageError
from autointerp.harvest import Context
from autointerp.label import LabelRow, Rule, label_features, rule_fires
from autointerp.label._row import write_labels
from autointerp.llm import Outcome, Request, wire_schema
from autointerp.run import RunDirectory
from autointerp.score import DetectReply, Question, detection_request, load_score_rows, make_trial, score_features

NOTHING = DetectReply(active=[])


def a_label(feature: int, label: str, **more: object) -> LabelRow:
    return LabelRow(feature, "ok", "openai:x", "label@1", label=label, verdict="MONOSEMANTIC", confidence=3, **more)


@pytest.fixture
def labelled(make_run: Maker, planted: dict[int, list[Context]]) -> RunDirectory:
    run = make_run({feature: planted[feature] for feature in range(5)})
    rows = [a_label(f, f"meaning{f} number{f}", cost_usd=0.01, tokens_in=10) for f in range(3)]
    rows.append(LabelRow(3, "refused", "openai:x", "label@1", reason="declined", cost_usd=0.01))
    rows.append(LabelRow(4, "ok", "openai:x", "label@1", label="POLYSEMANTIC", verdict="POLYSEMANTIC", confidence=2))
    write_labels(run, rows)
    return run


def test_the_judge_sees_numbered_text_and_nothing_else(planted: dict[int, list[Context]]) -> None:
    trial = make_trial(0, planted[0], seed=0)
    request = detection_request(Question(trial, "the equal sign"))
    lines = request.messages[1].content.splitlines()
    assert lines[:2] == ['Description: "the equal sign"', "<contexts>"]
    assert lines[2:-1] == [
        f"{n}: {json.dumps(one.text, ensure_ascii=False)}" for n, one in enumerate(trial.contexts, 1)
    ]
    assert lines[-1] == "</contexts>"


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_the_reply_can_be_asked_for(kind: str) -> None:
    assert wire_schema(DetectReply, kind)["properties"]["active"]["items"] == {"type": "integer"}


def test_a_right_judge_verifies_right_labels(
    labelled: RunDirectory, planted: dict[int, list[Context]], answer_with: AnswerWith
) -> None:
    trials = {f: make_trial(f, planted[f], seed=0) for f in range(5)}

    def knows(request: Request) -> DetectReply:
        kind, feature = request.tag.split()
        truth = trials[int(feature)].truth
        return DetectReply(active=[n for n, fires in enumerate(truth, 1) if fires] if kind == "score" else [1])

    seen = answer_with(knows)
    frame = score_features(labelled, llm=LLM)
    assert sorted(request.tag for request in seen) == ["null 0", "null 1", "null 2", "score 0", "score 1", "score 2"]
    assert frame["verified"].tolist()[:3] == [True] * 3
    assert frame["outcome"].tolist() == ["ok", "ok", "ok", "refused", "ok"]
    assert frame["verified"].isna().tolist() == [False, False, False, True, False]
    assert frame["cost_usd"].tolist() == [0.004] * 3 + [0.0] * 2
    summary = json.loads(labelled.summary.read_text())
    rates = summary["groups"]["ids"]["rates"]
    assert (rates["label"]["k"], rates["label"]["n"], rates["label"]["worst_low"]) == (3, 4, 3 / 5)
    assert (rates["verified"]["k"], rates["verified"]["n"], rates["verified"]["worst_high"]) == (3, 4, 4 / 5)
    assert (summary["cost_usd"], summary["tokens_in"]) == (pytest.approx(4 * 0.01 + 3 * 0.004), 30 + 6 * 900)


@pytest.mark.parametrize(
    "said",
    [Outcome.error, Outcome.refused, Outcome.invalid, DetectReply(active=[0]), DetectReply(active=[99])],
)
def test_a_missing_answer_is_never_an_answer(
    labelled: RunDirectory, answer_with: AnswerWith, said: Outcome | DetectReply
) -> None:
    answer_with(lambda request: said if request.tag == "score 0" else NOTHING)
    with pytest.raises(IncompleteError, match="1 of 6") if said is Outcome.error else contextlib.nullcontext():
        score_features(labelled, llm=LLM)
    row, other = load_score_rows(labelled)[:2]
    assert row.outcome == (said if isinstance(said, Outcome) else "invalid")
    assert (row.scored, row.tp, row.balanced_accuracy, row.verified, row.robust) == (False, None, None, None, None)
    assert row.reason
    assert (other.outcome, other.balanced_accuracy, other.verified) == ("ok", 0.5, False)
    group = json.loads(labelled.summary.read_text())["groups"]["ids"]
    assert (group["n_ok"], group["n_failed"], group["outcomes"]["ok"]) == (3, 2, 3)
    assert group["rates"]["verified"]["n"] == 3


def test_a_budget_leaves_the_stage_open(labelled: RunDirectory, answer_with: AnswerWith) -> None:
    answer_with(lambda request: Outcome.skipped_budget if request.tag == "null 1" else NOTHING)
    with pytest.raises(IncompleteError, match="1 of 6"):
        score_features(labelled, llm=LLM)
    assert labelled.summary.exists()
    assert not labelled.is_done("scores")
    assert load_score_rows(labelled)[1].shuffled_outcome == "skipped_budget"


def test_a_second_judge_that_is_stopped_leaves_the_stage_open(labelled: RunDirectory, answer_with: AnswerWith) -> None:
    answer_with(lambda _: NOTHING)
    score_features(labelled, llm=LLM)
    assert labelled.is_done("scores")
    answer_with(lambda request: Outcome.skipped_budget if request.tag == "null 1" else NOTHING)
    with pytest.raises(IncompleteError, match="1 of 6"):
        score_features(labelled, llm="openai:another")
    assert not labelled.is_done("scores")


def test_the_rules_judge_refuses_an_llms_labels(labelled: RunDirectory) -> None:
    with pytest.raises(UsageError, match="--llm openai:x"):
        score_features(labelled, llm="rules")


def test_an_llm_can_judge_rules(make_run: Maker, planted: dict[int, list[Context]], answer_with: AnswerWith) -> None:
    run = make_run({0: planted[0], 2: planted[2]})
    label_features(run, llm="rules")
    seen = answer_with(lambda _: NOTHING)
    score_features(run, llm=LLM)
    assert "\"token ' ='\"" in seen[0].messages[1].content
    trial = make_trial(0, planted[0], seed=0)
    rule = Rule.from_json('[{"where":"here","test":"token","values":[" ="]}]')
    assert tuple(rule_fires(rule, trial.contexts)) == trial.truth
