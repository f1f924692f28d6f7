"""A labelled and scored run against what was planted in it, whoever labelled and judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from autointerp import stats
from autointerp.corpus import Windows
from autointerp.harvest import load_contexts, load_features, load_passed_over
from autointerp.run import RunDirectory
from autointerp.score import load_score_rows
from autointerp.subject import Subject
from benchmarks.ground_truth._finding import Finding, find
from benchmarks.ground_truth._known import Known, look, vocabulary
from benchmarks.ground_truth._known_labels import holds, judged_file
from benchmarks.ground_truth._noise import LEVELS, MODERATE
from benchmarks.ground_truth._plan import BOTTOM, MIXES, UNION_LEVELS
from benchmarks.ground_truth._ranking import auc, rank_scorers
from benchmarks.ground_truth._subject import PlantedSubject
from benchmarks.ground_truth._truth import Sort, Truth

Json = dict[str, object]


def measure(folder: Path, tokenizer: Subject) -> Json:
    """All figures of one run.

    Args:
        folder: The run directory: made here, then labelled and scored by anyone.
        tokenizer: The subject whose tokens the text has.
    """
    run, truth = RunDirectory.open(folder), Truth.read(folder)
    words = vocabulary(tokenizer)
    known = look(Windows.open(run.windows), words, seed=truth.seed)
    planted = [meaning for name, meaning in known.meanings.items() if name not in known.more]
    kinds = sorted({meaning.kind for meaning in planted})
    pick = _Pick(find(run, truth, known, words))
    manifest = run.read_manifest()
    subject = PlantedSubject(truth.features, known.predicates, words, tokenizer, seed=truth.seed)
    return {
        "corpus": truth.corpus,
        "n_tokens": truth.n_tokens,
        "n_features": len(truth.features),
        "n_predicates": len(planted),
        "n_kinds": len(kinds),
        "n_inside": sum(meaning.is_inside for meaning in planted),
        "labeler": manifest.labeler.provider if manifest.labeler else None,
        "judge": manifest.judge.provider if manifest.judge else None,
        "verdicts": {level.name: _verdicts(pick, level.name) for level in UNION_LEVELS},
        "single": {
            reach: {level.name: _labels(pick("single", level.name, inside=inside)) for level in LEVELS}
            for reach, inside in (("inside", True), ("outside", False))
        },
        "kinds": {kind: _labels(pick("single", MODERATE.name, mix=kind)) for kind in kinds},
        "unions": {
            mix.name: {level.name: _caught(pick("union", level.name, mix=mix.name)) for level in UNION_LEVELS}
            for mix in MIXES
        },
        "bottom": {level.name: _caught(pick("bottom", level.name, mix=BOTTOM.name)) for level in UNION_LEVELS},
        "noise": _caught(pick("noise")),
        "position": _position(run, truth),
        "passed_over": _passed_over(run),
        "hard_negatives": {level.name: _claimed(run, truth, known, level.name) for level in LEVELS},
        "judge_auc": _judge_auc(run),
        "judged": _read_judged(folder),
        "ranking": rank_scorers(run, known, subject),
    }


class _Pick:
    """Chooses findings."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._findings = findings

    def __call__(
        self, sort: Sort, noise: str | None = None, *, mix: str | None = None, inside: bool | None = None
    ) -> list[Finding]:
        return [
            one
            for one in self._findings
            if one.planted.sort == sort
            and noise in {None, one.planted.noise}
            and mix in {None, one.planted.mix}
            and inside in {None, one.is_inside}
        ]


def share(answers: Iterable[bool | None]) -> Json:
    """How many are yes, with a 95 % Wilson interval; missing answers are left out and counted."""
    every = list(answers)
    known = [answer for answer in every if answer is not None]
    k, n = sum(known), len(known)
    interval = stats.wilson(k, n)
    return {
        "k": k,
        "n": n,
        "share": round(k / n, 4) if n else None,
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
        "missing": len(every) - n,
    }


def _verdicts(pick: _Pick, noise: str) -> Json:
    """Accuracy of POLYSEMANTIC at one noise level: single meanings must not get it, unions and noise must."""
    inside, outside = (pick("single", noise, inside=inside) for inside in (True, False))
    unions, nothing = pick("union", noise), pick("noise")
    return {
        "all": _right([*inside, *unions, *nothing]),
        "single, inside": _right(inside),
        "single, outside": _right(outside),
        "unions": _right(unions),
        "noise": _right(nothing),
    }


def _right(findings: Sequence[Finding]) -> Json:
    return share(one.is_right for one in findings)


def _labels(findings: Sequence[Finding]) -> Json:
    def of(answer: Callable[[Finding], bool | None]) -> Json:
        return share(map(answer, findings))

    return {
        "label": of(lambda one: None if one.is_polysemantic is None else not one.is_polysemantic),
        "correct": of(lambda one: one.is_correct),
        "verified": of(lambda one: one.verified),
        "robust": of(lambda one: one.robust),
    }


def _caught(findings: Sequence[Finding]) -> Json:
    return {
        "polysemantic": share(one.is_polysemantic for one in findings),
        "bottom check failed": share(one.bottom_failed for one in findings if not one.is_polysemantic),
        "either": share(one.is_caught for one in findings),
        "robust": share(one.robust for one in findings),
    }


def _position(run: RunDirectory, truth: Truth) -> Json:
    """What became of features about the window's beginning: those at position 0 must count as silent, twins as one."""
    features = load_features(run).set_index("feature")
    ids = {
        sort: [one.feature for one in truth.features if one.sort == sort] for sort in ("position 0", "position twin")
    }
    return {
        "position 0": {
            "planted": len(ids["position 0"]),
            "left in statistics": int((~features.loc[ids["position 0"], "dead_never"]).sum()),
        },
        "position twin": {
            "planted": len(ids["position twin"]),
            "left after duplicates": int(features.loc[ids["position twin"], "duplicate_of"].isna().sum()),
        },
    }


def _passed_over(run: RunDirectory) -> Json:
    """Share of held-out weak activations that are not shown because a stronger one stands near, by stratum."""
    counts = load_passed_over(run).get("score", {})
    return {stratum: _share(*counts[stratum]) for stratum in ("d0", "below_10pct_of_max") if stratum in counts}


def _claimed(run: RunDirectory, truth: Truth, known: Known, noise: str) -> Json:
    """Hard negatives of single meanings in which the meaning holds: the feature's misses, that a right label claims."""
    singles = {one.feature: one.parts[0].name for one in truth.features if (one.sort, one.noise) == ("single", noise)}
    found = [
        bool(holds([singles[feature]], known.masks, context).any())
        for feature, contexts in load_contexts(run).items()
        if feature in singles
        for context in contexts
        if context.stratum == "negative_hard"
    ]
    return _share(sum(found), len(found))


def _share(k: int, n: int) -> Json:
    return {"k": k, "n": n, "share": round(k / n, 4) if n else None}


def _read_judged(folder: Path) -> Json | None:
    """What ``judge_known`` found, where somebody was asked."""
    file = judged_file(folder)
    found: Json | None = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    return found


def _judge_auc(run: RunDirectory) -> float | None:
    """How well the run's own judge tells labels from shuffled ones by balanced accuracy."""
    rows = load_score_rows(run) if run.scores.exists() else []
    return auc([row.balanced_accuracy for row in rows], [row.shuffled_ba for row in rows])
