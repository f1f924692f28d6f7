"""Fuzzing, intruder and simulation: perfect judges, judges of permuted labels, and judges who say nothing."""

from __future__ import annotations

import contextlib
import importlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import mean

import numpy as np
import pytest
from label_hostile import lines_in_block
from label_planted import a_context, a_noise_feature
from pydantic import BaseModel

from autointerp import verbs
from autointerp.errors import IncompleteError, UsageError
from autointerp.harvest import DECILES, Context
from autointerp.label import LabelRow, label_features
from autointerp.label._row import write_labels
from autointerp.llm import Outcome, Reply, Request, Usage
from autointerp.run import RunDirectory
from autointerp.score import (
    DetectReply,
    Question,
    load_score_rows,
    make_trial,
    parse_scorers,
    position_floor,
    score_features,
)
from autointerp.score.scorers import (
    FuzzReply,
    IntruderReply,
    SimulateReply,
    marked_texts,
    pearson,
    rounds,
    simulated,
)

LLM = "openai:a-judge"
ALL = ("detection", "fuzzing", "intruder", "simulation")
FEATURES = range(6)
Maker = Callable[..., RunDirectory]
Means = Callable[[str, str], bool]
Judge = Callable[[Request], BaseModel | Outcome]

MEANINGS: dict[int, Means] = {
    0: lambda before, token: token == " =",
    1: lambda before, token: token.strip() == "self",
    2: lambda before, token: token.strip().isdigit(),
    3: lambda before, token: token.endswith("ing"),
    4: lambda before, token: before.endswith("("),
    5: lambda before, token: token == " Paris",
}
"""What the planted features fire on, told from a text alone."""


def a_question(feature: int, contexts: list[Context], scorer: str, *, seed: int = 0) -> Question:
    explain = tuple(one for one in contexts if one.split == "explain")
    trial = make_trial(feature, contexts, seed=seed)
    return Question(trial, f"meaning{feature}", scorer=scorer, explain=explain, seed=seed)


def marked_tokens(line: str) -> Iterator[tuple[str, str]]:
    """What stands before each marked token, and the token."""
    text = json.loads(line.partition(": ")[2])
    for found in re.finditer("⟦(.*?)⟧", text, re.DOTALL):
        yield re.sub("[⟦⟧]", "", text[: found.start()]), found[1]


def shown_numbers(line: str) -> dict[str, str]:
    return json.loads(line.partition(": ")[2])


def by_meaning(request: Request, shift: int = 0) -> BaseModel:
    """A judge who knows what labels mean; with a shift, it takes each for another feature's."""
    user = request.messages[1].content
    lines = lines_in_block(user)
    feature = int(request.tag.split()[1])
    means = MEANINGS[(feature + shift) % len(MEANINGS)]

    def all_mean(line: str) -> bool:
        return all(means(*one) for one in marked_tokens(line))

    if request.reply_model is FuzzReply:
        return FuzzReply(right=[n for n, line in enumerate(lines, 1) if all_mean(line)])
    if request.reply_model is IntruderReply:
        strange = [n for n, line in enumerate(lines, 1) if not all_mean(line)]
        return IntruderReply(reasoning="", intruder=strange[0] if strange else 1)
    if request.reply_model is SimulateReply:
        texts = [shown_numbers(line) for line in lines]
        return SimulateReply(
            activations=[
                " ".join(
                    f"{n}:{10 * means(''.join(text[str(i)] for i in range(1, int(n))), token)}"
                    for n, token in text.items()
                )
                for text in texts
            ]
        )
    return DetectReply(active=[])


def says_nothing(request: Request) -> BaseModel:
    if request.reply_model is SimulateReply:
        lines = lines_in_block(request.messages[1].content)
        return SimulateReply(activations=[" ".join(f"{n}:0" for n in shown_numbers(line)) for line in lines])
    nothing = {
        FuzzReply: FuzzReply(right=[]),
        IntruderReply: IntruderReply(reasoning="", intruder=1),
        DetectReply: DetectReply(active=[]),
    }
    return nothing[request.reply_model]


@pytest.fixture
def answer_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[Judge], list[Request]]:
    def install(judge: Judge) -> list[Request]:
        seen: list[Request] = []

        def ask(requests: list[Request], **_: object) -> list[Reply]:
            seen.extend(requests)
            return [_reply(request, judge(request)) for request in requests]

        monkeypatch.setattr(importlib.import_module("autointerp.llm._asking"), "ask", ask)
        return seen

    return install


def _reply(request: Request, said: BaseModel | Outcome) -> Reply:
    value = None if isinstance(said, Outcome) else said
    outcome = said if isinstance(said, Outcome) else Outcome.ok
    return Reply("key", outcome, value, "" if value else "no luck", Usage(900, 20), 0.002, 1.0, True, request.tag)


@pytest.fixture
def labelled(make_run: Maker, planted: dict[int, list[Context]]) -> RunDirectory:
    run = make_run({feature: planted[feature] for feature in FEATURES})
    rows = [
        LabelRow(f, "ok", "openai:x", "label@1", label=f"meaning{f} number{f}", verdict="MONOSEMANTIC", confidence=3)
        for f in FEATURES
    ]
    write_labels(run, rows)
    return run


def test_a_judge_who_knows_the_meaning_is_nearly_perfect(
    labelled: RunDirectory, answer_with: Callable[[Judge], list[Request]]
) -> None:
    seen = answer_with(by_meaning)
    score_features(labelled, llm=LLM, scorers=ALL)
    rows = load_score_rows(labelled)
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
    group = json.loads(labelled.summary.read_text())["groups"]["ids"]
    assert group["scorers"]["fuzzing"]["ba"]["mean"] > 0.98
    assert group["scorers"]["fuzzing"]["outcomes"] == {"ok": 6}
    assert group["scorers"]["intruder"]["chance"] == pytest.approx(0.2)
    assert [one["n"] for one in group["scorers"]["intruder"]["deciles"]] == [6] * 10
    assert group["scorers"]["simulation"]["pearson"]["n"] == 6
    assert list(labelled.read_manifest().config["scorers"]) == list(ALL)


def test_a_judge_who_knows_the_activations_simulates_them(
    labelled: RunDirectory, planted: dict[int, list[Context]], answer_with: Callable[[Judge], list[Request]]
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
    score_features(labelled, llm=LLM, scorers=ALL)
    for row in load_score_rows(labelled):
        assert row.simulation_pearson > 0.99
        assert row.simulation_r2 > 0.98


def test_a_judge_of_permuted_labels_is_at_chance(
    labelled: RunDirectory, answer_with: Callable[[Judge], list[Request]]
) -> None:
    answer_with(lambda request: by_meaning(request, shift=1))
    score_features(labelled, llm=LLM, scorers=("detection", "fuzzing", "simulation"))
    rows = load_score_rows(labelled)
    assert mean(row.fuzzing_ba for row in rows) == pytest.approx(0.5, abs=0.05)
    assert mean(row.simulation_pearson for row in rows) == pytest.approx(0.0, abs=0.1)
    assert all(row.intruder_outcome is None for row in rows), "not asked for"
    assert "intruder" not in json.loads(labelled.summary.read_text())["groups"]["ids"]["scorers"]


def test_a_judge_who_says_nothing_gets_the_floors(
    labelled: RunDirectory, answer_with: Callable[[Judge], list[Request]]
) -> None:
    answer_with(says_nothing)
    score_features(labelled, llm=LLM, scorers=ALL)
    rows = load_score_rows(labelled)
    assert [row.fuzzing_ba for row in rows] == [0.5] * len(rows)
    assert [(row.simulation_pearson, row.simulation_r2) for row in rows] == [(0.0, 0.0)] * len(rows)
    assert mean(row.intruder_accuracy for row in rows) == pytest.approx(0.2, abs=0.1)


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
    from autointerp.score import SCORERS

    first, again = (
        SCORERS[scorer].requests(a_question(2, contexts, scorer)) for contexts in (planted[2], list(planted[2]))
    )
    other = SCORERS[scorer].requests(a_question(2, planted[2], scorer, seed=1))
    assert first == again
    assert first != other
    assert len({request.messages[0] for request in [*first, *other]}) == 1


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
    labelled: RunDirectory,
    answer_with: Callable[[Judge], list[Request]],
    spoil: Callable[[list[str]], list[str]],
) -> None:
    def spoils_one(request: Request) -> BaseModel:
        said = says_nothing(request)
        if isinstance(said, SimulateReply) and request.tag == "simulation 0 2":
            return SimulateReply(activations=spoil(said.activations))
        return said

    answer_with(spoils_one)
    score_features(labelled, llm=LLM, scorers=("detection", "simulation"))
    row, other = load_score_rows(labelled)[:2]
    assert (row.simulation_outcome, row.simulation_pearson, row.simulation_r2) == ("invalid", None, None)
    assert row.simulation_token is not None
    assert other.simulation_outcome == "ok"
    found = json.loads(labelled.summary.read_text())["groups"]["ids"]["scorers"]["simulation"]
    assert found["outcomes"] == {"invalid": 1, "ok": 5}
    assert found["pearson"]["n"] == 5


@pytest.mark.parametrize("said", [Outcome.refused, Outcome.error, IntruderReply(reasoning="", intruder=6)])
def test_one_missing_round_is_a_failure_of_the_whole(
    labelled: RunDirectory, answer_with: Callable[[Judge], list[Request]], said: BaseModel | Outcome
) -> None:
    answer_with(lambda request: said if request.tag == "intruder 3 d4" else by_meaning(request))
    with pytest.raises(IncompleteError, match="1 of 18") if said is Outcome.error else contextlib.nullcontext():
        score_features(labelled, llm=LLM, scorers=("detection", "intruder"))
    row = load_score_rows(labelled)[3]
    assert row.intruder_outcome == (said if isinstance(said, Outcome) else "invalid")
    assert (row.intruder_accuracy, row.intruder_n, row.intruder_decile_hits) == (None, None, None)
    assert row.outcome == "ok", "detection is not touched by it"


def test_a_budget_that_ends_in_a_further_scorer_leaves_the_stage_open(
    labelled: RunDirectory, answer_with: Callable[[Judge], list[Request]]
) -> None:
    def ends(request: Request) -> BaseModel | Outcome:
        if request.tag == "intruder 3 d4":
            return Outcome.refused
        return Outcome.skipped_budget if request.tag == "intruder 3 d5" else by_meaning(request)

    answer_with(ends)
    with pytest.raises(IncompleteError, match="1 of 18"):
        score_features(labelled, llm=LLM, scorers=("detection", "intruder"))
    assert load_score_rows(labelled)[3].intruder_outcome == "skipped_budget"


def test_numbers_of_texts_that_are_not_there_are_invalid(
    labelled: RunDirectory, answer_with: Callable[[Judge], list[Request]]
) -> None:
    answer_with(lambda request: FuzzReply(right=[21]) if request.reply_model is FuzzReply else says_nothing(request))
    score_features(labelled, llm=LLM, scorers=("detection", "fuzzing"))
    assert [row.fuzzing_outcome for row in load_score_rows(labelled)] == ["invalid"] * 6


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


def test_too_few_contexts_are_untestable(make_run: Maker, planted: dict[int, list[Context]]) -> None:
    few = [one for one in planted[0] if one.split == "explain" or one.stratum in ("d0", "d1", "negative_hard")]
    few = [one for one in few if not (one.split == "explain" and one.stratum in DECILES)]
    run = make_run({0: few, 1: planted[1]})
    label_features(run, llm="rules")
    score_features(run, llm="rules", scorers=ALL)
    row = load_score_rows(run)[0]
    assert (row.outcome, row.fuzzing_outcome, row.simulation_outcome) == ("ok", "untestable", "untestable")
    assert (row.fuzzing_n, row.fuzzing_token) == (None, None)


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
