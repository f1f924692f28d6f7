"""An LLM labels and judges planted features through files: a good one and a careless one come out as what they are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel

from autointerp.corpus import Windows
from autointerp.errors import IncompleteError
from autointerp.harvest import load_contexts
from autointerp.label import LabelReply, as_data
from autointerp.llm import Asking, Handoff
from autointerp.run import RunDirectory
from autointerp.score import DetectReply, make_trial
from benchmarks.ground_truth import _known, _make
from benchmarks.ground_truth._ask import ask
from benchmarks.ground_truth._finding import find
from benchmarks.ground_truth._known import Known, look, vocabulary
from benchmarks.ground_truth._known_labels import (
    HALF,
    NOISE,
    ONE_MORE,
    OTHER,
    RIGHT,
    holds,
    judged_file,
    known_questions,
)
from benchmarks.ground_truth._measure import measure
from benchmarks.ground_truth._noise import MODERATE
from benchmarks.ground_truth._plan import _planted
from benchmarks.ground_truth._show import show
from benchmarks.ground_truth._truth import Part, Planted, Truth

pytestmark = pytest.mark.slow

N_SINGLE, N_UNION, N_NOISE = 6, 3, 3


def few(known: Known, *, seed: int) -> list[Planted]:
    """Some single meanings, unions of two more each, and noise."""
    del seed
    names = [name for name, meaning in known.meanings.items() if meaning.kind in {"token", "stem"}]
    single, pairs = names[:N_SINGLE], np.array(names[N_SINGLE : N_SINGLE + 2 * N_UNION]).reshape(-1, 2).tolist()
    features = [_planted(known, "single", "", (Part(name=name, share=1.0),), MODERATE) for name in single]
    features += [
        _planted(known, "union", "", tuple(Part(name=name, share=0.5) for name in pair), MODERATE) for pair in pairs
    ]
    features += [Planted(feature=0, sort="noise", mix="", noise="pure", false_rate=0.01)] * N_NOISE
    return [one.model_copy(update={"feature": number}) for number, one in enumerate(features)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_make, "plan", few)
        patch.setattr(_known, "MIN_HITS", 100)
        yield _make.make(tmp_path_factory.mktemp("made") / "run", corpus="python", n_tokens=20_000, seed=0).path


@pytest.fixture
def planted_run(made: Path, tmp_path: Path) -> RunDirectory:
    return RunDirectory.open(Path(shutil.copytree(made, tmp_path / "run")))


class Judge:
    """Answers every request of a file; it knows what was planted."""

    def __init__(self, run: RunDirectory) -> None:
        self.truth = Truth.read(run.path)
        self.known = look(Windows.open(run.windows), vocabulary(_make.bundled()), seed=0)
        self.contexts = load_contexts(run)
        asked = known_questions(run, self.truth, scorers=["detection"])
        self._names = {as_data(one.question.label): one.names for one in asked}

    def reply(self, request: Mapping[str, str]) -> BaseModel:
        """Right, whatever is asked."""
        part, _, number = request["tag"].rpartition(" ")
        planted = self.truth.features[int(number)]
        if part == "label":
            return self.label(planted, [one.name for one in planted.parts])
        (names,) = {names for label, names in self._names.items() if label in request["prompt"]}
        return self.detect(planted.feature, names)

    def label(self, planted: Planted, names: Sequence[str]) -> LabelReply:
        verdict = "POLYSEMANTIC" if planted.is_polysemantic else "MONOSEMANTIC"
        label = "pure noise" if planted.is_polysemantic else names[0]
        return LabelReply(reasoning="", verdict=verdict, label=label, confidence=5, evidence=[])

    def detect(self, feature: int, names: Sequence[str]) -> DetectReply:
        contexts = make_trial(feature, self.contexts[feature], seed=0).contexts
        return DetectReply(active=[i for i, one in enumerate(contexts, 1) if holds(names, self.known.masks, one).any()])


class Careless(Judge):
    """Never finds a feature polysemantic, and sees every one in every third text."""

    def reply(self, request: Mapping[str, str]) -> BaseModel:
        feature = int(request["tag"].rpartition(" ")[2])
        if request["tag"].startswith("label"):
            label = f"some word {feature}"
            return LabelReply(reasoning="", verdict="MONOSEMANTIC", label=label, confidence=5, evidence=[])
        n = len(make_trial(feature, self.contexts[feature], seed=0).contexts)
        return DetectReply(active=list(range(1, n + 1, 3)))


def through_files(run: RunDirectory, judge: Judge, folder: Path) -> int:
    """Hand requests out and replies in until nothing is asked any more; how many rounds that took."""
    requests, replies = folder / "requests.jsonl", folder / "replies.jsonl"
    for rounds in range(9):
        handoff = Handoff(requests, replies if replies.exists() else None)
        try:
            ask(run.path, llm="jsonl:me", asking=Asking(handoff=handoff), scorers="detection")
        except IncompleteError:
            lines = [json.loads(line) for line in requests.read_text(encoding="utf-8").splitlines()]
            answers = [{"custom_id": one["custom_id"], "reply": judge.reply(one).model_dump()} for one in lines]
            replies.write_text("".join(json.dumps(one) + "\n" for one in answers), encoding="utf-8")
        else:
            return rounds
    raise AssertionError("it never ends")


@pytest.mark.parametrize(("kind", "is_good"), [(Judge, True), (Careless, False)])
def test_a_good_judge_is_told_from_a_careless_one(
    planted_run: RunDirectory, tmp_path: Path, kind: Callable[[RunDirectory], Judge], is_good: bool
) -> None:
    judge = kind(planted_run)
    assert through_files(planted_run, judge, tmp_path) == 3
    found = json.loads(judged_file(planted_run.path).read_text(encoding="utf-8"))
    scores = found["scorers"]["detection"]
    assert scores["missing"] == 0
    assert scores["n"] == 3 * (N_SINGLE + N_UNION) + N_UNION + N_NOISE
    assert set(found["follows"]) == {RIGHT, OTHER, HALF, ONE_MORE, NOISE}
    shown = show(measure(planted_run.path, _make.bundled()))
    assert "labels by jsonl:me, judged by jsonl:me" in shown
    assert "jsonl:me as a judge of right and wrong labels" in shown
    findings = find(planted_run, judge.truth, judge.known, vocabulary(_make.bundled()))
    assert len(findings) == N_SINGLE + N_UNION + N_NOISE
    correct = [one.is_correct for one in findings if one.planted.sort == "single"]
    if is_good:
        assert scores[f"auc, {OTHER}"] > 0.95
        assert scores[f"auc, {NOISE}"] > 0.9
        assert all(value == 1 for value in found["follows"].values())
        assert all(one.is_right for one in findings)
        assert all(correct)
    else:
        assert scores[f"auc, {OTHER}"] == 0.5  # the same answers, whatever the label
        assert 0.3 < found["follows"][RIGHT] < 0.7
        assert sum(bool(one.is_right) for one in findings) == N_SINGLE
        assert not any(correct)
