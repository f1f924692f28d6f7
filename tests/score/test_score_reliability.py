"""Labeler and judge asked again: what a fake that changes its mind in a known way comes out as."""

from __future__ import annotations

import json

import numpy as np
import pytest
from score_judges import LLM, AnswerWith, Maker

from autointerp.errors import IncompleteError, UsageError
from autointerp.gate import Noise, make_baseline
from autointerp.harvest import Context
from autointerp.label import LabelReply, LabelRow, label_features
from autointerp.llm import BY_DEFAULT, Outcome, Request
from autointerp.run import CorpusInput, LLMInput, ModelInput, RunDirectory, SAEInput, Silence
from autointerp.score import (
    DetectReply,
    Reliability,
    agreement,
    label_overlap,
    load_reliability,
    make_trial,
    repeat,
    score_features,
    summarise_repeats,
    summarise_twins,
    write_reliability,
)
from autointerp.verbs._side_run import label_and_score

FICKLE = 2
"""Feature whose second label is POLYSEMANTIC; and the judge of feature 1 is blind in its third sample."""


@pytest.fixture
def asked(answer_with: AnswerWith, planted: dict[int, list[Context]]) -> list[Request]:
    trials = {feature: make_trial(feature, planted[feature], seed=0) for feature in planted}

    def answer(request: Request) -> LabelReply | DetectReply:
        kind, feature = request.tag.split()[0], int(request.tag.split()[1])
        if request.reply_model is LabelReply:
            mono = not (feature == FICKLE and request.sample == 1)
            label = f"meaning{feature} number{feature if request.sample < 2 else 99}"
            verdict = "MONOSEMANTIC" if mono else "POLYSEMANTIC"
            return LabelReply(reasoning="seen", verdict=verdict, label=label, confidence=3, evidence=[1])
        blind = kind == "null" or (feature == 1 and request.sample == 2)
        active = [] if blind else [n for n, fires in enumerate(trials[feature].truth, 1) if fires]
        return DetectReply(active=active)

    return answer_with(answer)


@pytest.fixture
def scored(make_run: Maker, planted: dict[int, list[Context]], asked: list[Request]):
    run = make_run({feature: planted[feature] for feature in range(4)})
    label_features(run, llm=LLM)
    score_features(run, llm=LLM)
    asked.clear()
    return run


def again(run: RunDirectory, n_samples: int = 3):
    return repeat(
        run, range(4), n_samples=n_samples, labeler=LLM, label_asking=BY_DEFAULT, llm=LLM, asking=BY_DEFAULT,
        progress=Silence(),
    )  # fmt: skip


def measured(run: RunDirectory) -> Reliability:
    manifest = run.read_manifest()
    return Reliability(
        labeler=manifest.labeler, judge=manifest.judge, deterministic=False, n_samples=3, features=list(range(4)),
        **summarise_repeats(again(run)), twins=summarise_twins([], {}, {}), cost_usd=None,
    )  # fmt: skip


def test_every_sample_is_a_question_of_its_own(scored: RunDirectory, asked: list[Request]) -> None:
    again(scored)
    labels = [request for request in asked if request.reply_model is LabelReply]
    assert sorted((request.tag, request.sample) for request in labels) == [
        (f"label {feature}", sample) for feature in range(4) for sample in range(3)
    ]
    judged = {(request.tag, request.sample) for request in asked if request.reply_model is DetectReply}
    assert len(judged) == 11  # nothing is looked for where the second label of FICKLE was POLYSEMANTIC
    assert (f"again {FICKLE}", 1) not in judged


def test_verdicts_that_flip_are_counted(scored: RunDirectory) -> None:
    found = measured(scored)
    assert found.label.flip_rate["mean"] == pytest.approx((2 / 3) / 4)  # one of three answers about one of four
    assert (found.label.changed["k"], found.label.changed["n"]) == (1, 4)
    assert found.verified.flip_rate["mean"] == pytest.approx(2 * (2 / 3) / 4)
    assert (found.verified.changed["k"], found.verified.changed["n"]) == (2, 4)
    assert found.label.alpha is not None
    assert found.label.alpha < 0.5
    # "meaning0 number0" twice and "meaning0 number99": overlaps 1, 1/3, 1/3; of FICKLE one pair of labels is left
    assert found.text_overlap["mean"] == pytest.approx((3 * (1 + 2 / 3) / 3 + 1 / 3) / 4)


def test_the_baseline_takes_the_noise_of_the_verified_verdict(scored: RunDirectory) -> None:
    def describe(manifest) -> None:
        manifest.sae = SAEInput(path="gone", sha256="0", architecture="standard", d_in=4, d_sae=9)
        manifest.model = ModelInput(name="m", fingerprint="f", hook_point="h", weight_processing="raw")
        manifest.corpus = CorpusInput(
            name="c", n_tokens=1, n_windows=1, context_length=8, prepend_bos=True, fingerprint="f"
        )

    scored.update(describe)
    decoder = np.eye(9, 4)
    assert make_baseline(scored, decoder).noise is None
    found = measured(scored)
    write_reliability(scored, found)
    assert load_reliability(scored) == found
    assert make_baseline(scored, decoder).noise == Noise(flip_rate=found.verified.flip_rate["mean"], n=4)
    scored.update(lambda manifest: setattr(manifest.judge, "prompt", "detect@another"))
    assert load_reliability(scored) is None
    assert make_baseline(scored, decoder).noise is None
    scored.reliability.write_text('{"schema_version": 1}')
    with pytest.raises(UsageError, match="can't be read"):
        load_reliability(scored)


def test_a_budget_that_ends_measures_nothing(scored: RunDirectory, answer_with: AnswerWith) -> None:
    answer_with(lambda _: Outcome.skipped_budget)
    with pytest.raises(IncompleteError, match="12 of 12 repeated answers"):
        again(scored)


def test_a_side_run_names_the_command_of_the_real_one(
    make_run: Maker, planted: dict[int, list[Context]], answer_with: AnswerWith
) -> None:
    answer_with(lambda _: Outcome.skipped_budget)
    with pytest.raises(IncompleteError, match="Go on with 'autointerp score RUN --nulls x' and a higher limit"):
        label_and_score(
            make_run({0: planted[0]}), labeler=LLMInput(provider=LLM, prompt="p"), label_asking=BY_DEFAULT, judge=LLM,
            asking=BY_DEFAULT, go_on="autointerp score RUN --nulls x", progress=Silence(),
        )  # fmt: skip


def test_missing_answers_are_no_flips() -> None:
    found = agreement([[True, None], [None, None], [True, False, None], [True, True]])
    assert (found.changed["k"], found.changed["n"], found.flip_rate["n"]) == (1, 2, 2)


def test_rules_come_out_the_same(make_run, planted) -> None:
    run = make_run(planted)
    label_features(run, llm="rules")
    score_features(run, llm="rules")
    repeats = repeat(
        run, sorted(planted), n_samples=2, labeler="rules", label_asking=BY_DEFAULT, llm="rules", asking=BY_DEFAULT,
        progress=Silence(),
    )  # fmt: skip
    found = summarise_repeats(repeats)
    assert found["verified"].flip_rate["mean"] == found["label"].flip_rate["mean"] == 0
    assert found["text_overlap"]["mean"] == 1
    assert found["label"].alpha == 1


def test_twins_are_alike_or_not() -> None:
    def row(feature: int, verdict: str | None, label: str = "") -> LabelRow:
        return LabelRow(feature, "ok" if verdict else "error", LLM, "p", label=label, verdict=verdict)

    labels = {
        0: row(0, "MONOSEMANTIC", "the word self"), 1: row(1, "MONOSEMANTIC", "'self' or cls"),
        2: row(2, "MONOSEMANTIC", "digits"), 3: row(3, "POLYSEMANTIC"), 4: row(4, "POLYSEMANTIC"), 5: row(5, None),
    }  # fmt: skip
    scores = {feature: type("Row", (), {"verified": feature in {0, 2}})() for feature in labels}
    found = summarise_twins([(0, 1), (2, 3), (4, 5)], labels, scores)
    assert (found.n_pairs, found.same_label_verdict["k"], found.same_label_verdict["n"]) == (3, 1, 2)
    assert (found.same_verified["k"], found.same_verified["n"]) == (1, 3)
    assert found.text_overlap["mean"] == label_overlap("self", "self cls") == 0.5
    assert json.loads(found.model_dump_json())["n_pairs"] == 3
